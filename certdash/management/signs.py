"""What a supervisor knows of its worker, in the database, where /readyz finds it.

The heartbeat is a task and waits behind long work; this does not, and it stops within seconds when the worker ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.utils import DatabaseError
from django_q.models import OrmQ, Schedule

from accounts.models import TickRun
from certdash.health import SIGN
from certdash.management.supervisor import Child
from inventory.status import AHEAD

EVERY = 10.0
# A worker that fails to start is not worth a sign.
FIRST_AFTER = 2.0
LAST_WRITE = 5.0
# A task in work lies ahead in the queue, but for less than this (`retry` of the settings is 16 minutes).
QUEUED_AHEAD = timedelta(minutes=30)


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


def bring_back(now: datetime) -> None:
    """Call now what the clock shall call only after its period has passed: that was written while it was ahead."""
    for name, _task, minutes in settings.TICKS:
        latest = now + timedelta(minutes=minutes) + AHEAD
        Schedule.objects.filter(name=name, next_run__gt=latest).update(next_run=now)
    # A task that was put there in the future lies there until then.
    OrmQ.objects.filter(lock__gt=now + QUEUED_AHEAD).update(lock=now)


def _sign(now: datetime) -> None:
    try:
        bring_back(now)
        TickRun.objects.update_or_create(name=SIGN, zone="default", defaults={"started_at": now, "finished_at": now})
    except DatabaseError:
        # What keeps this from being written is what /readyz says then.
        return
    finally:
        connection.close()
