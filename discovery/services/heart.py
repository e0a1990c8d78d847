"""Keeping a claim alive from a thread of its own, however long a probe or a transaction takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Self, TypeAlias

from django.db import connection

from discovery.models import Scan, ScanShard

Clock: TypeAlias = Callable[[], datetime]

BEAT_SECONDS = 10.0
LOOK_SECONDS = 1.0


class Heart:
    """Keeps the claim alive while the work goes on, and notices when it was cancelled or lost."""

    def __init__(self, shard: ScanShard, clock: Clock) -> None:
        self._shard = shard
        self._clock = clock
        self._over = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heart of {shard}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def stopped(self) -> bool:
        return self._stopped.is_set()

    def _run(self) -> None:
        beat_at = monotonic() + BEAT_SECONDS
        try:
            while not self._over.wait(LOOK_SECONDS):
                if monotonic() >= beat_at:
                    beat_at = monotonic() + BEAT_SECONDS
                    self._notice(is_ours=self._shard.beat(self._clock()))
                else:
                    self._notice(is_ours=Scan.objects.open().filter(pk=self._shard.scan_id).exists())
        finally:
            connection.close()

    def _notice(self, *, is_ours: bool) -> None:
        if not is_ours:
            self._stopped.set()
