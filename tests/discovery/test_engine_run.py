"""How a run behaves: whose thread, what stops it, what spreads it, and what it does when we lack something."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from discovery.engines import own
from discovery.probe import Place, ProbeResult, Reason
from tests.discovery.servers import LOOPBACK, closed_port, reason, serving, tarpit


def use_up_descriptors() -> Callable[[], None]:
    """Take all descriptors that this process may have; returns what gives them back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken: list[int] = []
    with suppress(OSError):
        while True:
            taken.append(os.dup(0))

    def give_back() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)

    return give_back


@pytest.mark.parametrize(("seconds", "expected"), [(1.0, Reason.TOO_MANY_FILES), (0.2, Reason.REFUSED)])
def test_having_no_descriptor_is_waited_for_and_never_called_silence(seconds: float, expected: Reason) -> None:
    port = closed_port()
    results: list[ProbeResult] = []

    def places() -> Iterator[Place]:
        timer = threading.Timer(seconds, use_up_descriptors())  # the engine has its own descriptors by now
        timer.start()
        yield Place("127.0.0.1", port)
        timer.join()

    own.probe_many(places(), LOOPBACK, parallel=1, on_result=results.append, connect_timeout=0.6)
    assert [reason(result) for result in results] == [expected]


def test_results_come_in_the_calling_thread() -> None:
    threads: list[int] = []
    own.probe_many(
        [Place("127.0.0.1", closed_port())], LOOPBACK, on_result=lambda _: threads.append(threading.get_ident())
    )
    assert threads == [threading.get_ident()]


def test_what_the_receiver_raises_stops_the_run() -> None:
    def fall_over(result: ProbeResult) -> None:
        raise ZeroDivisionError

    port = closed_port()
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        own.probe_many((Place("127.0.0.1", port) for _ in iter(int, 1)), LOOPBACK, on_result=fall_over)
    assert time.monotonic() - start < 3


def test_stopping_drops_what_is_under_way_and_reads_no_further() -> None:
    results: list[ProbeResult] = []
    taken: list[int] = []
    start = time.monotonic()

    def endless(port: int) -> Iterator[Place]:
        while True:
            taken.append(port)
            yield Place("127.0.0.1", port)

    with serving(tarpit) as port:
        own.probe_many(
            endless(port),
            LOOPBACK,
            parallel=10,
            timeout=30.0,
            on_result=results.append,
            should_stop=lambda: time.monotonic() - start > 0.3,
        )
    assert time.monotonic() - start < 3
    assert (results, len(taken)) == ([], 10)


def test_a_rate_spreads_connections() -> None:
    port = closed_port()
    results: list[ProbeResult] = []
    start = time.monotonic()
    own.probe_many([Place("127.0.0.1", port)] * 11, LOOPBACK, rate=20, on_result=results.append)
    assert 0.5 <= time.monotonic() - start < 2
    assert len(results) == 11


def test_a_failure_of_ours_is_raised() -> None:
    port = closed_port()

    def broken() -> Iterator[Place]:
        yield Place("127.0.0.1", 1 // (port - port))

    with pytest.raises(ZeroDivisionError):
        own.probe_many(broken(), LOOPBACK, on_result=print)
