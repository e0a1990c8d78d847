"""Where we may look: what is allowed, what is refused and why, and that both leave an event."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEvent, Organisation, Team, User
from discovery.addresses import AddressError
from discovery.models import Network, Scan, Source, Zone
from discovery.services import (
    Ask,
    ScanRefusedError,
    default_zone,
    delete_network,
    egress_policy,
    save_source,
    start_scan,
    tick,
)
from discovery.services.schedule import quiet_until
from inventory.addresses import pack
from tests.conftest import NOW
from tests.discovery.permitting import house, permit

pytestmark = pytest.mark.django_db


def allow(text: str, **columns: Any) -> Network:
    return permit(text, actor=None, now=NOW, **columns)


def refused(targets: str, **ask: object) -> list[str]:
    with pytest.raises(ScanRefusedError) as error:
        start_scan(Ask(targets, **ask), actor=None, now=NOW)  # type: ignore[arg-type]
    assert not Scan.objects.exists()
    return [str(problem) for problem in error.value.problems]


def test_nothing_is_allowed_before_a_network_is() -> None:
    assert not egress_policy("probe").check(pack("192.0.2.1"))
    (problem,) = refused("192.0.2.1")
    assert "“192.0.2.1” is in no network that may be probed" in problem
    assert "let an administrator add the network" in problem


def test_a_network_allows_its_own_purpose_and_zone_only() -> None:
    allow("192.0.2.0/24")
    assert egress_policy("probe").check(pack("192.0.2.1"))
    assert not egress_policy("deploy").check(pack("192.0.2.1"))
    assert not egress_policy("probe", "dmz").check(pack("192.0.2.1"))


def test_an_exclusion_wins() -> None:
    allow("192.0.2.0/24")
    allow("192.0.2.7", is_excluded=True)
    assert not egress_policy("probe").check(pack("192.0.2.7"))
    assert "is excluded" in refused("192.0.2.7")[0]


def test_excluded_addresses_of_a_range_are_counted_and_not_asked() -> None:
    allow("192.0.2.0/24")
    allow("192.0.2.0/28", is_excluded=True)
    scan = start_scan(Ask("192.0.2.0/24", exclusions="192.0.2.200"), actor=None, now=NOW)
    assert (scan.asked, scan.excluded, scan.not_tried) == (256, 17, 239)


def test_a_range_that_is_allowed_in_part_is_refused() -> None:
    allow("192.0.2.0/25")
    (problem,) = refused("192.0.2.0/24")
    assert "not, for one, 192.0.2.128" in problem


def test_two_networks_allow_a_range_together() -> None:
    allow("192.0.2.0/25")
    allow("192.0.2.128/25")
    assert start_scan(Ask("192.0.2.0/24"), actor=None, now=NOW).asked == 256


def test_loopback_must_be_named_on_purpose() -> None:
    allow("127.0.0.0/8")
    assert "is a loopback address" in refused("127.0.0.1")[0]
    allow("127.0.0.0/8", allows_special=True)
    assert start_scan(Ask("127.0.0.1"), actor=None, now=NOW).asked == 1


def test_the_internet_needs_no_row_for_fetching_but_private_addresses_do() -> None:
    policy = egress_policy("fetch")
    assert policy.check(pack("1.1.1.1"))
    assert not policy.check(pack("10.0.0.1"))


@pytest.mark.parametrize("item", ["-oN x", "$(id)", "10.0.0.0/33", "a b", "192.0.2.1:99999", ""])
def test_what_is_no_address_is_refused_with_the_item(item: str) -> None:
    assert refused(item)


def test_bad_ports_and_names_are_refused_together() -> None:
    allow("192.0.2.0/24")
    problems = refused("192.0.2.1", ports="443,x", server_names="ok.example.org -bad-")
    assert len(problems) == 2


def test_everything_excluded_is_refused() -> None:
    allow("192.0.2.0/24")
    assert "everything is excluded" in refused("192.0.2.1", exclusions="192.0.2.0/24")[0]


def test_only_administrators_allow_and_it_leaves_an_event(administrator: User, operator: User) -> None:
    with pytest.raises(PermissionDenied):
        permit("192.0.2.0/24", actor=operator, now=NOW)
    network = permit("192.0.2.0/24", actor=administrator, now=NOW, name="Lab")
    permit("192.0.2.0/24", actor=administrator, now=NOW, name="Lab")
    delete_network(network, actor=administrator, now=NOW)
    assert [event.verb for event in AuditEvent.objects.order_by("number")] == ["network.added", "network.deleted"]
    assert not Network.objects.exists()


def test_a_network_that_is_none_is_refused(administrator: User) -> None:
    with pytest.raises(AddressError):
        permit("www.example.org", actor=administrator, now=NOW)


def source(team: Team | None = None, **columns: object) -> Source:
    values = {"name": "Web", "kind": Source.Kind.NETWORK, "targets": "192.0.2.0/24", "zone": default_zone()}
    return Source(owner_team=team or house(), **{**values, **columns})


def test_a_source_is_kept_by_its_team_and_starts_at_once(operator: User, stranger: User, web_team: Team) -> None:
    allow("192.0.2.0/24")
    with pytest.raises(PermissionDenied):
        save_source(source(web_team), actor=stranger, now=NOW)
    saved = save_source(source(web_team), actor=operator, now=NOW)
    assert saved.next_run_at == NOW
    assert AuditEvent.objects.get(verb="source.added").after["targets"] == "192.0.2.0/24"


def test_a_source_outside_the_networks_is_refused(administrator: User) -> None:
    with pytest.raises(ScanRefusedError):
        save_source(source(), actor=administrator, now=NOW)


def test_a_tick_starts_a_due_source_once(administrator: User) -> None:
    allow("192.0.2.0/24")
    row = save_source(source(), actor=administrator, now=NOW)
    assert tick(NOW) == []
    assert tick(NOW) == []
    scan = Scan.objects.get()
    assert (scan.source, scan.title, scan.plan["schedule_seconds"]) == (row, "Web", 86_400)
    row.refresh_from_db()
    assert row.last_run_at == NOW
    assert row.next_run_at
    assert row.next_run_at > NOW


def test_a_source_whose_network_was_taken_away_is_seen_to_fail(administrator: User) -> None:
    network = allow("192.0.2.0/24")
    save_source(source(), actor=administrator, now=NOW)
    delete_network(network, actor=administrator, now=NOW)
    tick(NOW)
    scan = Scan.objects.get()
    assert scan.status == "failed"
    assert "no network that may be probed" in scan.error or "not wholly" in scan.error


def test_quiet_hours_are_those_of_the_organisation(administrator: User, organisation: Organisation) -> None:
    organisation.timezone = "Europe/Berlin"
    organisation.save()
    allow("192.0.2.0/24")
    row = save_source(source(quiet_from=time(10), quiet_until=time(12)), actor=administrator, now=NOW)
    tick(NOW)  # 10:41 in Berlin
    assert not Scan.objects.exists()
    row.refresh_from_db()
    assert row.next_run_at
    assert row.next_run_at.hour == 11  # UTC
    tick(row.next_run_at)
    assert Scan.objects.exists()


@pytest.mark.parametrize(
    ("start", "end", "clock", "expected"),
    [
        (None, None, "12:00", None),
        (time(8), time(18), "07:59", None),
        (time(8), time(18), "08:00", "23 18:00"),
        (time(8), time(18), "18:00", None),
        (time(22), time(6), "23:00", "24 06:00"),
        (time(22), time(6), "05:00", "23 06:00"),
        (time(22), time(6), "12:00", None),
        (time(5), time(5), "05:00", None),
    ],
)
def test_quiet_hours_may_go_over_midnight(
    start: time | None, end: time | None, clock: str, expected: str | None
) -> None:
    local = NOW.replace(hour=int(clock[:2]), minute=int(clock[3:]))
    until = quiet_until(start, end, local)
    assert (until.strftime("%d %H:%M") if until else None) == expected


def test_a_zone_keeps_its_networks_to_itself(administrator: User) -> None:
    allow("192.0.2.0/24", zone=Zone.objects.create(name="dmz"))
    assert egress_policy("probe", "dmz").check(pack("192.0.2.1"))
    assert not egress_policy("probe").check(pack("192.0.2.1"))
