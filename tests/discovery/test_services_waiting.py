"""Scans on which nobody works: the page says why, and nothing piles up where no worker is."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from accounts.models import TickRun, User
from certdash.lib.work import LEASE, WorkStatus
from discovery.models import Scan, ScanShard, Source, Zone
from discovery.services import (
    Ask,
    call_readers,
    cancel_scan,
    default_zone,
    stalled_zones,
    start_scan,
    tick,
    why_waiting,
)
from discovery.services.queue import PATIENCE, STALLED_AFTER
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.inventory.factories import make_certificate

MINUTE = timedelta(minutes=1)
LATER = NOW + STALLED_AFTER + MINUTE
pytestmark = pytest.mark.django_db


@pytest.fixture
def factory() -> Zone:
    """A zone that no worker was started for."""
    zone = Zone.objects.create(name="factory")
    for each in (zone, default_zone()):
        permit("127.0.0.0/8", actor=None, now=NOW, allows_special=True, zone=each)
    return zone


def begin(zone: Zone, targets: str = "127.0.0.1", source: Source | None = None) -> Scan:
    return start_scan(Ask(targets), actor=None, now=NOW, zone=zone, source=source)


def make_source(zone: Zone, **columns: Any) -> Source:
    return Source.objects.create(
        name="by night", kind="network", targets="127.0.0.1", zone=zone, created_at=NOW, **columns
    )


def take(scan: Scan, at: datetime) -> ScanShard:
    shard = scan.shards.get()
    assert shard.claim("a worker", at)
    return shard


def test_tasks_do_not_pile_up_where_no_worker_fetches_them(factory: Zone, settings: Settings) -> None:
    settings.WORKERS = 3
    for _ in range(4):
        begin(factory)
    for minutes in range(20):
        OrmQ.objects.update(lock=NOW)
        tick(NOW + minutes * (LEASE + MINUTE))
    assert OrmQ.objects.filter(key="factory").count() == 2


def test_a_worker_that_comes_back_gets_what_waits(factory: Zone, settings: Settings) -> None:
    settings.WORKERS = 2
    begin(factory)
    OrmQ.objects.all().delete()
    tick(NOW + LEASE + MINUTE)
    assert OrmQ.objects.filter(key="factory").count() == 1


def test_nothing_is_said_of_what_has_just_begun_is_worked_on_or_has_ended(factory: Zone) -> None:
    scan = begin(factory)
    assert why_waiting(scan, NOW + PATIENCE / 2) == ""
    shard = take(scan, LATER)
    assert why_waiting(scan, LATER + LEASE / 2) == ""
    ScanShard.objects.filter(pk=shard.pk).update(status=WorkStatus.DONE, finished_at=LATER)
    assert why_waiting(scan, LATER + PATIENCE / 2) == ""
    scan.status = WorkStatus.DONE
    assert why_waiting(scan, LATER + MINUTE) == ""


def test_it_says_when_no_worker_takes_it_and_when_the_one_that_had_it_died(factory: Zone) -> None:
    scan = begin(factory)
    begin(default_zone(), "127.0.0.2").shards.get().claim("elsewhere", LATER)
    assert "Does a worker of the zone “factory” run?" in why_waiting(scan, LATER)
    take(scan, LATER)
    assert why_waiting(scan, LATER + LEASE) == ""
    assert "No worker works on it now" in why_waiting(scan, LATER + LEASE + MINUTE)


def test_it_says_when_workers_look_at_other_scans(factory: Zone) -> None:
    scan, other = begin(factory), begin(factory, "127.0.0.2")
    take(other, LATER)
    assert "waits for its turn" in why_waiting(scan, LATER)


def test_where_workers_gave_a_sign_lately_it_is_not_asked_whether_one_runs(factory: Zone) -> None:
    scan = begin(default_zone())
    TickRun.objects.create(name="policy", zone="default", started_at=LATER - MINUTE)
    assert why_waiting(scan, LATER) == "It waits for its turn: the workers have other work now."
    assert "Does a worker of the zone “default” run?" in why_waiting(scan, LATER + 2 * MINUTE)
    assert "Does a worker of the zone “factory” run?" in why_waiting(begin(factory), LATER)


def test_readers_are_called_once_however_many_shards_end_before_one_comes(factory: Zone) -> None:
    make_certificate("www.example.org", judge_at=NOW)
    for _ in range(3):
        call_readers(timezone.now())
    assert [task.func() for task in OrmQ.objects.all()] == ["policy.tasks.tick"]
    # A worker has taken that one: it may have read already.
    OrmQ.objects.update(lock=timezone.now() + MINUTE)
    call_readers(timezone.now())
    assert OrmQ.objects.count() == 2


def test_it_says_when_quiet_hours_end(factory: Zone) -> None:
    source = make_source(factory, quiet_from=time(9), quiet_until=time(17, 30))
    scan = begin(factory, source=source)
    assert "quiet hours of its source end at 17:30" in why_waiting(scan, LATER)


def test_a_zone_is_stalled_when_scans_wait_there_and_nobody_comes(factory: Zone) -> None:
    assert stalled_zones(LATER) == []
    scan = begin(factory)
    take(begin(default_zone()), LATER)
    assert stalled_zones(NOW + MINUTE) == []
    assert stalled_zones(LATER) == ["factory"]
    shard = take(scan, LATER)
    assert stalled_zones(LATER + MINUTE / 2) == []
    ScanShard.objects.filter(pk=shard.pk).update(status=WorkStatus.DONE, finished_at=LATER)
    assert stalled_zones(LATER + STALLED_AFTER) == ["default"]


def test_a_zone_is_not_stalled_by_quiet_hours_or_by_what_has_ended(factory: Zone, administrator: User) -> None:
    begin(factory, source=make_source(factory, quiet_from=time(9), quiet_until=time(9, 50)))
    # They end at 09:50; until 09:55 a worker may just be about to come.
    assert stalled_zones(NOW.replace(hour=9, minute=49)) == []
    assert stalled_zones(NOW.replace(hour=9, minute=52)) == []
    assert stalled_zones(NOW.replace(hour=9, minute=56)) == ["factory"]
    cancel_scan(Scan.objects.get(), actor=administrator, now=NOW)
    assert stalled_zones(LATER + timedelta(hours=1)) == []
