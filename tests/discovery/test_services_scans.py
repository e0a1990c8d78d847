"""Scans and shards: split, fed, run against real servers, cancelled, ended, and true about what was not tried."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django_q.models import OrmQ
from pytest_django import Settings

from accounts.models import AuditEvent, User
from certdash.lib.work import LEASE, WorkStatus
from discovery.models import ScanShard
from discovery.probe import Place
from discovery.services import (
    Ask,
    ScanRefusedError,
    cancel_scan,
    check_now,
    feed,
    finish_scan,
    run_shard,
    start_listed_scan,
    start_scan,
    tick,
)
from discovery.services.plans import asked_of
from tests.conftest import NOW
from tests.discovery.scanning import clock, start
from tests.inventory.factories import make_certificate


def test_a_network_of_65536_addresses_is_few_rows(any_address: None) -> None:
    scan = start("10.1.0.0/16")
    assert (scan.asked, scan.total) == (65536, scan.shards.count())
    assert scan.shards.count() <= 256
    assert sum(shard.asked for shard in scan.shards.all()) == 65536


def test_shards_cover_each_place_once(any_address: None) -> None:
    scan = start("10.1.0.0/20\n10.9.0.1:8443", ports="443,465")
    places = [place for shard in scan.shards.all() for place in asked_of(scan).places(shard.first, shard.last)]
    assert len(places) == len(set(places)) == scan.asked == 2 * 4096 + 1


def test_at_most_workers_minus_one_shards_are_handed_out(any_address: None, settings: Settings) -> None:
    settings.WORKERS = 3
    start("10.1.0.0/16")
    start("10.2.0.0/16")
    assert OrmQ.objects.count() == 2
    handed = ScanShard.objects.filter(claim_until__gte=clock())
    assert handed.count() == 2
    assert feed("default", clock()) == 0
    # The tasks were lost: their shards wait again after the lease.
    assert feed("default", clock() + LEASE + timedelta(seconds=1)) == 2


def test_scans_take_turns(any_address: None, settings: Settings) -> None:
    settings.WORKERS = 3
    start("10.1.0.0/16")
    start("10.2.0.0/16")
    ScanShard.objects.update(claim_until=None)
    feed("default", clock())
    handed = ScanShard.objects.filter(claim_until__gte=clock())
    assert len(set(handed.values_list("scan_id", flat=True))) == 2


def test_a_cancelled_scan_hands_out_nothing_more(any_address: None, operator: User, stranger: User) -> None:
    scan = start_scan(Ask("10.1.0.0/16"), actor=operator, now=clock())
    with pytest.raises(PermissionDenied):
        cancel_scan(scan, actor=stranger, now=clock())
    assert cancel_scan(scan, actor=operator, now=clock())
    assert not cancel_scan(scan, actor=operator, now=clock())
    assert feed("default", clock()) == 0
    assert not run_shard(scan.shards.first().pk, "test", clock)  # type: ignore[union-attr]
    scan.refresh_from_db()
    assert (scan.status, scan.cancelled_by) == ("cancelled", operator)
    assert AuditEvent.objects.filter(verb="scan.cancelled").exists()


def test_viewers_start_nothing(any_address: None, viewer: User, auditor: User) -> None:
    for person in (viewer, auditor):
        with pytest.raises(PermissionDenied):
            start_scan(Ask("10.0.0.1"), actor=person, now=NOW)


def test_a_check_does_not_wait_for_a_sweep(any_address: None, operator: User) -> None:
    start("10.1.0.0/16")
    before = OrmQ.objects.count()
    scan = check_now("10.9.9.9:8443", actor=operator, now=clock())
    assert OrmQ.objects.count() == before + 1
    assert (scan.kind, scan.title, scan.asked) == ("check", "10.9.9.9:8443", 1)


@pytest.mark.parametrize("text", ["10.0.0.0/24", "a.example.org, b.example.org", "192.0.2.1", "", "-oN x"])
def test_a_check_of_anything_but_one_allowed_place_is_refused(any_address: None, operator: User, text: str) -> None:
    with pytest.raises(ScanRefusedError):
        check_now(text, actor=operator, now=NOW)


def test_listed_places_obey_the_networks_too(any_address: None) -> None:
    with pytest.raises(ScanRefusedError):
        start_listed_scan([Place("192.0.2.1", 443)], actor=None, now=NOW, title="by hand")


def test_a_scan_with_open_shards_does_not_end(any_address: None) -> None:
    scan = start("10.0.0.1")
    assert not finish_scan(scan.pk, NOW)
    scan.shards.update(status=WorkStatus.FAILED, error="It broke.")
    tick(clock())
    scan.refresh_from_db()
    assert (scan.status, scan.error) == ("failed", "1 of 1 places were not tried. It broke.")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the limit is that of SQLite")
def test_a_scan_that_displaced_very_many_certificates_ends(any_address: None) -> None:
    scan = start("10.0.0.1")
    known = make_certificate("gone", nodes_serving=0)
    lost = [*range(10_000_000, 10_002_500), known.pk]
    scan.shards.update(status=WorkStatus.DONE, lost=lost)
    connection.ensure_connection()
    before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1200)
    try:
        assert finish_scan(scan.pk, clock())
    finally:
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)
    scan.refresh_from_db()
    assert scan.gone == 1
