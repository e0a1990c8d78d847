"""A permission that is withdrawn while a scan runs: nothing more is contacted, and the scan says why."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import pytest
from django.db import connection

from discovery.models import Network, Scan, Source
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.discovery.scanning import run_all, start

HOST = "127.0.0.5"
SECONDS_TO_HEAR = 2.5


class Doors:
    """Listening ports of one address, and when somebody came."""

    def __init__(self, count: int, stack: ExitStack) -> None:
        self.sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        self.visits: list[float] = []

    @property
    def ports(self) -> str:
        return ",".join(str(one.getsockname()[1]) for one in self.sockets)

    def watch(self, over: threading.Event) -> None:
        with selectors.DefaultSelector() as selector:
            for one in self.sockets:
                selector.register(one, selectors.EVENT_READ)
            while not over.is_set():
                for key, _ in selector.select(0.05):
                    visitor, _ = key.fileobj.accept()  # type: ignore[union-attr]  # registered above
                    visitor.close()
                    self.visits.append(monotonic())


@contextmanager
def doors(count: int) -> Iterator[Doors]:
    over = threading.Event()
    with ExitStack() as stack:
        opened = Doors(count, stack)
        watcher = threading.Thread(target=opened.watch, args=(over,))
        watcher.start()
        try:
            yield opened
        finally:
            over.set()
            watcher.join()


def exclude() -> None:
    permit(HOST, actor=None, now=NOW, is_excluded=True)


def withdraw() -> None:
    Network.objects.all().delete()


def during(scan: Scan, act: Callable[[], None], after: Callable[[], bool]) -> float:
    """Run the scan, and act in between as soon as ``after`` says so; the moment at which that was done."""
    moments: list[float] = []

    def wait_and_act() -> None:
        until = monotonic() + 10
        while not after() and monotonic() < until:
            sleep(0.05)
        act()
        moments.append(monotonic())
        connection.close()

    other = threading.Thread(target=wait_and_act)
    other.start()
    run_all(scan)
    other.join()
    return moments[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("act", "reason"), [(exclude, "excluded"), (withdraw, "not_allowed")])
@pytest.mark.parametrize("engine", [Source.Engine.OWN, Source.Engine.NMAP])
def test_what_is_withdrawn_from_a_running_scan_is_contacted_no_more(
    loopback: None, engine: str, act: Callable[[], None], reason: str
) -> None:
    with doors(60) as opened:
        scan = start(HOST, ports=opened.ports, rate_limit=8, engine=engine)
        acted = during(scan, act, after=lambda: len(opened.visits) >= 3)
    assert len(opened.visits) >= 3
    assert max(opened.visits) < acted + SECONDS_TO_HEAR
    assert len(opened.visits) < 60
    assert (scan.status, scan.asked, scan.not_tried) == ("done", 60, 0)
    assert scan.reasons[reason] == scan.excluded > 0
