"""Keeping the claim of a report alive from a thread and a connection of its own, while its data is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self, TypeAlias

from django.db import connection

from reports.models import Report

Clock: TypeAlias = Callable[[], datetime]

BEAT_SECONDS = 10.0  # well inside the lease


class Heart:
    """Beats as long as the work inside lasts; whether the claim was lost is seen when the work is written."""

    def __init__(self, report: Report, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heart of report {report.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                if not self._report.beat(self._clock()):
                    return
        finally:
            connection.close()
