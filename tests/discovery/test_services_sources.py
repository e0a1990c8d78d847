"""Sources: made, run at once and again and again, removed; and the one that the first run leaves behind."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEvent, Team, User
from certdash.lib.work import WorkStatus
from discovery.models import Coverage, Observation, Scan, Source, Zone
from discovery.services import (
    Ask,
    ScanRefusedError,
    delete_source,
    look_daily,
    run_now,
    run_shard,
    save_source,
    start_first_source,
    start_scan,
    tick,
)
from discovery.services.networks import default_zone
from inventory.models import Endpoint, Sighting
from tests.conftest import NOW
from tests.discovery.permitting import house, permit

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def source(team: Team | None = None, **columns: object) -> Source:
    values = {"name": "Web", "kind": Source.Kind.NETWORK, "targets": "10.1.0.0/24", "zone": default_zone()}
    return Source(owner_team=team or house(), **{**values, **columns})


def run_at(scan: Scan, at: datetime) -> None:
    for shard in scan.shards.all():
        run_shard(shard.pk, "test", lambda: at)


def test_the_first_run_looks_again_on_the_next_day(loopback: None, server: int, administrator: User) -> None:
    first = start_first_source("127.0.0.1", str(server), DAY, actor=administrator, now=NOW)
    run_at(first, NOW)
    endpoint = Endpoint.objects.get()
    assert (endpoint.last_seen_at, endpoint.schedule_seconds) == (NOW, 86_400)
    tick(NOW + DAY - timedelta(seconds=1))
    assert Scan.objects.count() == 1
    tick(NOW + DAY)
    again = Scan.objects.exclude(pk=first.pk).get()
    assert (again.source, again.requested_by) == (first.source, None)
    run_at(again, NOW + DAY)
    endpoint.refresh_from_db()
    assert endpoint.last_seen_at == NOW + DAY
    span = Observation.objects.get()
    assert (span.first_seen_at, span.last_seen_at, span.confirmations) == (NOW, NOW + DAY, 2)
    tick(NOW + 2 * DAY)
    assert Scan.objects.count() == 3


def test_the_first_run_twice_is_one_source_and_one_scan(any_address: None, administrator: User) -> None:
    scans = {start_first_source("10.1.0.0/30", "443", DAY, actor=administrator, now=NOW) for _ in range(2)}
    assert len(scans) == Scan.objects.count() == Source.objects.count() == 1
    start_first_source("10.1.0.0/29", "443", 7 * DAY, actor=administrator, now=NOW)
    row = Source.objects.get()
    assert (row.targets, row.every_seconds, row.next_run_at) == ("10.1.0.0/29", 7 * 86_400, NOW + 7 * DAY)
    assert Scan.objects.count() == 2


def test_a_first_scan_that_is_refused_leaves_no_source(any_address: None, administrator: User) -> None:
    with pytest.raises(ScanRefusedError):
        start_first_source("192.0.2.1", "443", DAY, actor=administrator, now=NOW)
    assert not Source.objects.exists()


def test_networks_of_the_command_line_are_looked_at_daily_and_once(any_address: None) -> None:
    assert look_daily("10.1.0.0/30", origin="test", now=NOW, owner=house())
    assert look_daily("10.1.0.0/31", origin="test", now=NOW, owner=house()) is None
    row = look_daily("10.2.0.0/30", origin="test", now=NOW, owner=house())
    assert row
    assert (row.targets, row.every_seconds) == ("10.1.0.0/30\n10.2.0.0/30", 86_400)
    assert AuditEvent.objects.get(verb="source.added").after["origin"] == "test"
    tick(NOW)
    assert Scan.objects.get().asked == 16


def test_a_network_of_another_source_needs_no_first_source(any_address: None, administrator: User) -> None:
    save_source(source(), actor=administrator, now=NOW)
    assert look_daily("10.1.0.128/25", origin="test", now=NOW, owner=house()) is None
    assert Source.objects.count() == 1


def test_a_source_that_no_run_can_end_is_refused(any_address: None, administrator: User) -> None:
    with pytest.raises(ScanRefusedError, match="scan at most"):
        save_source(source(targets="10.0.0.0/8"), actor=administrator, now=NOW)
    with pytest.raises(ScanRefusedError, match="scan at most"):
        look_daily("10.0.0.0/8", origin="test", now=NOW, owner=house())
    assert not Source.objects.exists()


def test_running_now_takes_the_turn_of_what_was_due(any_address: None, administrator: User) -> None:
    row = save_source(source(), actor=administrator, now=NOW)
    scan = run_now(row, actor=administrator, now=NOW)
    assert run_now(row, actor=administrator, now=NOW) == scan
    Scan.objects.update(status=WorkStatus.DONE)
    tick(NOW + timedelta(minutes=1))
    assert Scan.objects.count() == 1
    # Between two turns the plan stands.
    run_now(row, actor=administrator, now=NOW + timedelta(hours=5))
    row.refresh_from_db()
    assert (row.last_run_at, row.next_run_at) == (NOW + timedelta(hours=5), NOW + DAY)


def test_a_source_that_is_switched_off_does_not_run(any_address: None, administrator: User) -> None:
    row = save_source(source(enabled=False), actor=administrator, now=NOW)
    tick(NOW + DAY)
    assert not Scan.objects.exists()
    row.enabled = True
    save_source(row, actor=administrator, now=NOW + 2 * DAY)
    tick(NOW + 2 * DAY)
    assert Scan.objects.count() == 1


def test_a_source_is_removed_with_its_running_scan_and_leaves_an_event(
    any_address: None, operator: User, stranger: User, web_team: Team
) -> None:
    row = save_source(source(web_team), actor=operator, now=NOW)
    scan = run_now(row, actor=operator, now=NOW)
    with pytest.raises(PermissionDenied):
        delete_source(row, actor=stranger, now=NOW)
    delete_source(row, actor=operator, now=NOW)
    assert not Source.objects.exists()
    scan.refresh_from_db()
    assert (scan.status, scan.source) == (WorkStatus.CANCELLED, None)
    event = AuditEvent.objects.get(verb="source.deleted")
    assert (event.actor, event.before["targets"]) == (operator, "10.1.0.0/24")
    tick(NOW + DAY)
    assert Scan.objects.count() == 1


def test_a_source_that_moves_to_another_zone_proves_itself_anew(any_address: None, administrator: User) -> None:
    row = save_source(source(), actor=administrator, now=NOW)
    before = run_now(row, actor=administrator, now=NOW)
    Coverage.objects.create(source=row, scan=before, began_at=NOW, ended_at=NOW, answered=1, known=1)
    row.zone = Zone.objects.create(name="dmz")
    permit("10.0.0.0/8", actor=None, now=NOW, zone=row.zone)
    save_source(row, actor=administrator, now=NOW + DAY / 2)
    assert not Coverage.objects.filter(source=row).exists()
    assert row.next_run_at == NOW + DAY / 2
    scan = run_now(row, actor=administrator, now=NOW + DAY / 2)
    assert (scan.pk != before.pk, scan.zone) == (True, row.zone)
    # What the run in the old zone ends with is no proof of the new one.
    Scan.objects.filter(pk=before.pk).update(status=WorkStatus.DONE, finished_at=NOW + DAY / 2)
    tick(NOW + DAY / 2)
    assert not Coverage.objects.filter(source=row).exists()


def test_only_its_own_team_runs_a_source(
    any_address: None, operator: User, stranger: User, auditor: User, web_team: Team
) -> None:
    row = save_source(source(web_team), actor=operator, now=NOW)
    for actor in (stranger, auditor):
        with pytest.raises(PermissionDenied):
            run_now(row, actor=actor, now=NOW)
        with pytest.raises(PermissionDenied):
            start_scan(Ask.of_source(row), actor=actor, now=NOW, source=row)
    assert not Scan.objects.exists()
    assert run_now(row, actor=operator, now=NOW).source == row


def test_a_source_may_be_renamed_while_it_runs(loopback: None, server: int, administrator: User) -> None:
    row = save_source(source(targets="127.0.0.1", ports=str(server)), actor=administrator, now=NOW)
    scan = run_now(row, actor=administrator, now=NOW)
    row.name = "Sites"
    save_source(row, actor=administrator, now=NOW)
    run_at(scan, NOW + timedelta(minutes=1))
    tick(NOW + timedelta(minutes=1))
    coverage = Coverage.objects.get(source=row)
    assert (coverage.known, coverage.missed) == (1, 0)
    assert Sighting.objects.filter(endpoint__isnull=False).get().source_name == "Web"
