"""A shard that is interrupted loses no place, asks none twice, and goes to one worker at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django_q.models import OrmQ

from accounts.models import User
from certdash.lib import work
from certdash.lib.work import LEASE, Heart, WorkStatus
from discovery.engines import own
from discovery.models import Scan, ScanShard, Source
from discovery.probe import Place, Reason, Unreachable
from discovery.services import Ask, cancel_scan, feed, queue, run_shard, shards, start_scan
from discovery.services.networks import default_zone
from tests.discovery.scanning import clock, counts, run_all

PORTS = 10
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scan(loopback: None) -> Scan:
    source = Source.objects.create(
        kind=Source.Kind.NETWORK, name="by night", zone=default_zone(), every_seconds=86_400, created_at=clock()
    )
    return start_scan(Ask("127.0.0.1", ports=f"1-{PORTS}"), actor=None, now=clock(), source=source)


def fall_quiet() -> None:
    now = clock()
    Source.objects.update(quiet_from=(now - HOUR).time(), quiet_until=(now + HOUR).time())


def wake() -> None:
    Source.objects.update(quiet_from=None, quiet_until=None)


def asking(asked: list[int], after_half: Callable[[], object] | None = None) -> AbstractContextManager[Any]:
    """An engine to which something happens after half of the places, and which stops when it is told to."""

    def probe_many(places: list[Place], policy: object, *, on_result: Any, should_stop: Any, **_: object) -> None:
        for place in places:
            if after_half and len(asked) == PORTS // 2:
                after_half()
                assert soon(should_stop)
                return
            asked.append(place.port)
            on_result(Unreachable(place, Reason.REFUSED))

    return patch.object(own, "probe_many", probe_many)


def soon(holds: Callable[[], bool]) -> bool:
    until = clock() + timedelta(seconds=10)
    while not holds() and clock() < until:
        continue
    return holds()


def test_quiet_hours_stop_a_shard_and_give_it_back(scan: Scan) -> None:
    asked: list[int] = []
    with asking(asked, fall_quiet):
        assert run_shard(scan.shards.get().pk, "one", clock)
    shard = scan.shards.get()
    assert (shard.status, shard.claim_until, shard.tried, shard.attempts) == ("queued", None, PORTS // 2, 0)
    OrmQ.objects.all().delete()
    assert feed("default", clock()) == 0
    assert not run_shard(shard.pk, "two", clock), "what waits in the queue stays quiet, too"
    wake()
    assert feed("default", clock()) == 1
    with asking(asked):
        run_all(scan)
    assert sorted(asked) == list(range(1, PORTS + 1))
    assert (scan.status, counts(scan)) == ("done", {"asked": PORTS, "refused": PORTS})


def test_a_run_that_takes_too_long_goes_back_in_line(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "RUN_SECONDS", 0.5)
    asked: list[int] = []
    with asking(asked, lambda: None):
        run_shard(scan.shards.get().pk, "one", clock)
    shard = scan.shards.get()
    assert (shard.status, shard.tried, shard.attempts) == ("queued", PORTS // 2, 0)
    assert shard.claim_until is not None, "it was handed over again at once"
    with asking(asked):
        run_all(scan)
    assert (sorted(asked), scan.status) == (list(range(1, PORTS + 1)), "done")


def test_a_run_that_gets_nowhere_counts_as_an_attempt(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "RUN_SECONDS", 0.0)
    with patch.object(own, "probe_many", lambda *_, should_stop, **__: soon(should_stop)):
        run_shard(scan.shards.get().pk, "one", clock)
    assert scan.shards.get().attempts == 1


def test_a_heart_outlives_a_database_that_fails_for_a_moment(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LOOK_SECONDS", 0.01)
    shard = scan.shards.get()
    answers = iter([OperationalError("the server closed the connection"), OperationalError("again"), True])
    asked: list[object] = []

    def is_wanted() -> bool:
        asked.append(answer := next(answers, False))
        if isinstance(answer, OperationalError):
            raise answer
        return bool(answer)

    with Heart(shard, clock, is_wanted) as heart:
        assert soon(heart.stopped)
    assert len(asked) == 4


def test_a_beat_that_failed_is_made_up_for(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(work, "BEAT_SECONDS", 0.05)
    shard = scan.shards.get()
    assert shard.claim("one", clock())
    late = clock() + 3 * LEASE
    failing = patch.object(ScanShard, "beat", side_effect=OperationalError("gone"))
    with Heart(shard, lambda: late):
        with failing as beat:
            assert soon(lambda: beat.call_count > 2)
        assert soon(lambda: ScanShard.objects.filter(claim_until=late + LEASE).exists())


def test_a_cancelled_scan_records_no_more_than_its_last_batch_though_no_heart_beats(
    scan: Scan, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heart, "_run", lambda _: None)
    monkeypatch.setattr(shards, "BATCH", 1)
    asked: list[int] = []

    def probe_many(places: list[Place], policy: object, *, on_result: Any, **_: object) -> None:
        for place in places:
            if len(asked) == PORTS // 2:
                Scan.objects.update(requested_by=operator)
                cancel_scan(scan, actor=operator, now=clock())
            asked.append(place.port)
            on_result(Unreachable(place, Reason.REFUSED))

    with patch.object(own, "probe_many", probe_many):
        run_shard(scan.shards.get().pk, "one", clock)
    assert len(asked) == PORTS // 2 + 1
    assert scan.shards.get().status == WorkStatus.CANCELLED


def test_two_who_hand_over_the_same_shard_enqueue_it_once(scan: Scan) -> None:
    shard = scan.shards.get()
    ScanShard.objects.update(claim_until=None)
    OrmQ.objects.all().delete()
    assert [queue.hand_over(shard, "default", clock()) for _ in range(2)] == [True, False]
    assert OrmQ.objects.count() == 1


def test_a_shard_whose_worker_died_is_handed_over_once(scan: Scan) -> None:
    assert scan.shards.get().claim("dead", clock() - 2 * LEASE)
    OrmQ.objects.all().delete()
    assert [feed("default", clock()), feed("default", clock())] == [1, 0]
    assert OrmQ.objects.count() == 1
    with asking([]):
        run_all(scan)
    assert scan.status == "done"
