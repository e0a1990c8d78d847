"""What is proved of a network: of all that is known there, by who asked just that, and for as long as it is fresh."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from discovery.models import Coverage, Network, Source, Zone
from discovery.reasons import State
from discovery.services import coverage, default_zone, save_source, tick
from discovery.services.areas import count_answers
from inventory.models import Endpoint
from tests.conftest import NOW
from tests.discovery.covering import DAY, keep, of_networks, run_due
from tests.discovery.permitting import house, permit
from tests.discovery.scanning import resolving, run_all, start
from tests.inventory.factories import make_endpoint

pytestmark = pytest.mark.django_db
HERE = "127.0.0.0/30"


@pytest.fixture(autouse=True)
def network(db: None) -> Network:
    return permit(HERE, actor=None, now=NOW, allows_special=True)


def known(address: str, port: int, **columns: Any) -> Endpoint:
    """An endpoint that answered an hour ago."""
    before = timezone.now() - timedelta(hours=1)
    values = {"server_name": "", "last_seen_at": before, "last_tried_at": before, "outcome": "served"}
    return make_endpoint(address, port=port, **{**values, **columns})


def counted() -> tuple[int, int, int]:
    row = Coverage.objects.get(network__cidr=HERE)
    return row.known, row.answered, row.missed


def another(administrator: User, targets: str, port: int, **columns: Any) -> Source:
    given = {"targets": targets, "ports": str(port), "zone": default_zone(), "owner_team": house(), **columns}
    row = Source(name="Other", kind="network", **given)
    return save_source(row, actor=administrator, now=timezone.now())


def test_a_scan_asked_once_does_not_cover_what_is_known_on_other_ports(server: int) -> None:
    for last in (1, 2):
        known(f"127.0.0.{last}", 443)
    run_all(start(HERE, ports=str(server)))
    tick(timezone.now())
    assert of_networks() == {HERE: State.STALE}
    assert counted() == (3, 1, 2)


def test_what_a_source_found_silent_stays_missed_after_a_scan_asked_once(server: int, administrator: User) -> None:
    for last in range(4):
        known(f"127.0.0.{last}", 1)
    keep(administrator, HERE, 1)
    daily = run_due()
    assert of_networks() == {HERE: State.UNPROVEN}
    run_all(start(HERE, ports=str(server)))
    tick(timezone.now())
    assert of_networks() == {HERE: State.STALE}
    assert counted() == (5, 1, 4)
    row = Coverage.objects.get(network__cidr=HERE)
    assert (row.scan, row.ended_at, row.every_seconds) == (daily, daily.finished_at, 86_400)


def test_a_scan_asked_once_leaves_the_proof_of_a_source_as_it_is(server: int, administrator: User) -> None:
    keep(administrator, HERE, server)
    daily = run_due()
    run_all(start(HERE, ports="1"))
    tick(timezone.now())
    assert of_networks() == {HERE: State.COVERED}
    row = Coverage.objects.get(network__cidr=HERE)
    assert (row.scan, row.every_seconds) == (daily, 86_400)


def test_sources_with_ports_of_their_own_cover_a_network_together(server: int, administrator: User) -> None:
    """What one asks is not missed when the other has run last."""
    keep(administrator, HERE, server)
    run_due()
    other = another(administrator, HERE, 1)
    run_due()
    assert of_networks() == {HERE: State.COVERED}
    gone = known("127.0.0.2", 1)
    Source.objects.filter(pk=other.pk).update(next_run_at=timezone.now())
    run_due()
    gone.refresh_from_db()
    assert gone.outcome == Endpoint.Outcome.UNREACHABLE
    assert of_networks() == {HERE: State.STALE}


def test_what_is_known_by_name_is_asked_by_name(server: int, administrator: User) -> None:
    permit("127.0.0.8/31", actor=None, now=NOW, allows_special=True)
    keep(administrator, f"www.example.org:{server}", server)
    with resolving(["127.0.0.1"]):
        run_due()
    another(administrator, HERE, 1)
    run_due()
    assert of_networks()[HERE] == State.COVERED
    known("127.0.0.2", server, server_name="unasked.example.org")
    Source.objects.filter(name="Other").update(next_run_at=timezone.now())
    run_due()
    assert of_networks()[HERE] == State.STALE


def test_what_a_source_asked_too_long_ago_proves_nothing_when_another_runs(server: int, administrator: User) -> None:
    keep(administrator, HERE, server)
    run_due()
    another(administrator, HERE, 1)
    long_ago = timezone.now() - 5 * DAY
    Coverage.objects.filter(source__name="Web").update(began_at=long_ago, ended_at=long_ago)
    run_due()
    assert counted() == (1, 0, 1)


def test_what_was_asked_once_stands_beside_a_source_for_a_part_of_it(server: int, administrator: User) -> None:
    run_all(start(HERE, ports=str(server)))
    tick(timezone.now())
    keep(administrator, "127.0.0.2/31", server)
    run_due()
    assert of_networks() == {HERE: State.COVERED}
    assert Coverage.objects.get(network__cidr=HERE).every_seconds is None


def test_a_source_that_is_switched_off_is_no_better_than_a_scan_asked_once(server: int, administrator: User) -> None:
    keep(administrator, HERE, server)
    run_due()
    Source.objects.update(enabled=False)
    once = run_all(start(HERE, ports=str(server)))
    tick(timezone.now())
    assert Coverage.objects.get(network__cidr=HERE).scan == once


@pytest.mark.parametrize("change", ["bounds", "zone", "purpose", "removed ban"])
def test_an_exclusion_that_moves_leaves_a_gap(server: int, administrator: User, change: str) -> None:
    ban = permit("127.0.0.2", actor=None, now=NOW, is_excluded=True)
    keep(administrator, HERE, server)
    run_due()
    assert of_networks() == {HERE: State.COVERED}
    columns: dict[str, Any] = {"is_excluded": True}
    columns |= {"zone": Zone.objects.create(name="dmz")} if change == "zone" else {}
    columns |= {"purpose": Network.Purpose.ACME} if change == "purpose" else {}
    columns |= {"is_excluded": False} if change == "removed ban" else {}
    text = "127.0.0.9" if change == "bounds" else "127.0.0.2"
    permit(text, actor=administrator, now=timezone.now(), network=ban, **columns)
    assert of_networks()[HERE] == State.NEVER


def test_a_network_that_grows_is_not_covered_by_what_it_was(server: int, administrator: User, network: Network) -> None:
    keep(administrator, HERE, server)
    run_due()
    permit("127.0.0.0/29", actor=administrator, now=timezone.now(), network=network, allows_special=True)
    assert of_networks() == {"127.0.0.0/29": State.NEVER}


def test_a_permission_for_something_else_takes_no_proof_away(server: int, administrator: User) -> None:
    acme = permit(HERE, actor=None, now=NOW, purpose=Network.Purpose.ACME)
    keep(administrator, HERE, server)
    run_due()
    permit(HERE, actor=administrator, now=timezone.now(), network=acme, purpose="acme", name="CA")
    assert Coverage.objects.filter(network__purpose="probe").exists()


@pytest.mark.parametrize("change", ["moved", "removed"])
def test_what_is_changed_while_its_answers_are_counted_keeps_no_proof(
    server: int, administrator: User, network: Network, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def count(*asked: Any) -> tuple[int, int]:
        if change == "removed":
            Network.objects.filter(pk=network.pk).delete()
        else:
            permit("127.0.0.0/29", actor=None, now=NOW, network=network, allows_special=True)
        return count_answers(*asked)

    monkeypatch.setattr(coverage, "count_answers", count)
    keep(administrator, HERE, server)
    assert run_due().is_open is False
    assert not Coverage.objects.filter(network__isnull=False).exists()
    assert Coverage.objects.filter(source__isnull=False).exists()
