"""What a supervisor knows of its worker, in the database, where /readyz finds it.

The heartbeat is a task and waits behind long work; this does not, and it stops within seconds when the worker ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection
from django.db.utils import DatabaseError

from accounts.models import TickRun
from certdash.health import SIGN
from certdash.management.supervisor import Child

EVERY = 10.0
# A worker that fails to start is not worth a sign.
FIRST_AFTER = 2.0
LAST_WRITE = 5.0


@contextmanager
def kept(worker: Child, clock: Callable[[], datetime]) -> Iterator[None]:
    """Write down every few seconds that the worker runs, as long as it does and the body goes on.

    In a thread, because a database that is busy must not keep the supervisor from ending or starting a child.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_keep, args=(worker, clock, ended), name="signs of the worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(LAST_WRITE)


def _keep(worker: Child, clock: Callable[[], datetime], ended: threading.Event) -> None:
    pause = FIRST_AFTER
    while not ended.wait(pause):
        pause = EVERY
        if worker.process is not None:
            _sign(clock())


def _sign(now: datetime) -> None:
    try:
        TickRun.objects.update_or_create(name=SIGN, zone="default", defaults={"started_at": now, "finished_at": now})
    except DatabaseError:
        # What keeps this from being written is what /readyz says then.
        return
    finally:
        connection.close()
