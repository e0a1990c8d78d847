"""A worker in a thread: does what pages hand to the queue, one task after the other, as qcluster does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.utils.module_loading import import_string
from django_q.models import OrmQ

PAUSE = 0.05


@contextmanager
def working() -> Iterator[None]:
    stop = threading.Event()
    faults: list[BaseException] = []
    thread = threading.Thread(target=_work, args=(stop, faults), name="worker")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if faults:
        raise faults[0]


def _work(stop: threading.Event, faults: list[BaseException]) -> None:
    try:
        while not stop.wait(PAUSE):
            for row in OrmQ.objects.order_by("pk"):
                import_string(row.task["func"])(*row.task["args"])
                row.delete()
    except BaseException as error:
        faults.append(error)
        raise
    finally:
        connections.close_all()
