"""What ended runs prove of their source and of the networks: never more than what answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from certdash.lib.work import WorkStatus
from discovery.models import Coverage, Network, Scan, Source
from discovery.reasons import State
from discovery.services import (
    default_zone,
    delete_network,
    networks_now,
    save_source,
    tick,
)
from inventory.models import Endpoint
from inventory.services import retire_endpoint
from tests.conftest import NOW
from tests.discovery.covering import DAY, keep, of_networks, of_source, run_due
from tests.discovery.permitting import house, permit
from tests.discovery.scanning import resolving, run_all, start
from tests.inventory.factories import make_endpoint

pytestmark = pytest.mark.django_db


def test_a_source_that_answers_is_covered_until_it_is_late(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "127.0.0.1", server)
    assert of_source()[0] == State.NEVER
    scan = run_due()
    assert of_source()[0] == State.COVERED
    coverage = Coverage.objects.get(source__isnull=False)
    assert (coverage.scan, coverage.known, coverage.missed, coverage.answered) == (scan, 1, 0, 1)
    assert of_source(timezone.now() + 3 * DAY)[0] == State.LATE


def test_a_source_where_nothing_answers_is_unproven(loopback: None, administrator: User) -> None:
    keep(administrator, "127.0.0.1", 1)
    assert run_due().status == WorkStatus.DONE
    assert of_source()[0] == State.UNPROVEN


def test_a_source_that_misses_what_is_known_is_stale(loopback: None, server: int, administrator: User) -> None:
    """Another source, or an earlier run, saw a second node there; this run does not, until somebody retires it."""
    keep(administrator, "127.0.0.1\n127.0.0.96/30", f"{server},1")
    before = timezone.now() - timedelta(hours=1)
    lost = make_endpoint("127.0.0.99", port=1, server_name="", last_seen_at=before)
    make_endpoint("127.0.0.200", port=1, last_seen_at=before)  # outside of its range
    make_endpoint("127.0.0.97", port=2, last_seen_at=before)  # not one of its ports
    make_endpoint("127.0.0.98", port=1)  # nobody ever saw it
    make_endpoint("127.0.0.98", port=1, server_name="other", zone="dmz", last_seen_at=before)
    run_due()
    assert of_source() == (State.STALE, "1 of 2 places known to exist did not answer, or were not asked.")
    retire_endpoint(lost, "switched off", actor=administrator, now=timezone.now())
    Source.objects.update(next_run_at=timezone.now())
    run_due()
    assert of_source()[0] == State.COVERED


def test_what_another_source_sees_is_no_excuse(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "127.0.0.1\n127.0.0.99", f"{server},1")
    tick(timezone.now())
    now = timezone.now() + timedelta(minutes=1)
    make_endpoint("127.0.0.99", port=1, server_name="", last_seen_at=now, last_tried_at=now)
    run_all(Scan.objects.get())
    Endpoint.objects.filter(port=1).update(last_seen_at=now, outcome=Endpoint.Outcome.SERVED)
    tick(timezone.now())
    assert of_source()[0] == State.STALE


def test_what_a_source_asks_anew_is_not_covered_by_what_it_asked(
    loopback: None, server: int, administrator: User
) -> None:
    source = keep(administrator, "127.0.0.1", server)
    run_due()
    source.targets = "127.0.0.1\n127.0.0.5"
    save_source(source, actor=administrator, now=timezone.now())
    assert of_source()[0] == State.NEVER


def test_a_host_name_is_seen_at_whatever_address_it_has(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "www.example.org", server)
    before = timezone.now() - timedelta(hours=1)
    make_endpoint("127.0.0.77", port=server, last_seen_at=before)
    with resolving(["127.0.0.1"]):
        run_due()
    assert of_source()[0] == State.COVERED


def test_a_source_that_cannot_run_has_failed(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "127.0.0.1", server)
    Network.objects.all().delete()
    tick(timezone.now())
    state, sentence = of_source()
    assert state == State.FAILED
    assert "in no network that may be probed" in sentence


def test_a_network_is_covered_by_who_asked_all_of_it(server: int, administrator: User) -> None:
    permit("127.0.0.0/30", actor=None, now=NOW, allows_special=True)
    permit("127.0.0.8/31", actor=None, now=NOW, allows_special=True)
    permit("127.0.0.0/24", actor=None, now=NOW, allows_special=True)
    permit("127.0.2.0/24", actor=None, now=NOW, allows_special=True)
    assert set(of_networks().values()) == {State.NEVER}
    keep(administrator, "127.0.0.0/30", server)
    run_due()
    assert of_networks() == {
        "127.0.0.0/30": State.COVERED,
        "127.0.0.8/31": State.NEVER,
        "127.0.0.0/24": State.IN_PART,
        "127.0.2.0/24": State.NEVER,
    }
    assert of_networks(timezone.now() + 3 * DAY)["127.0.0.0/30"] == State.LATE


def test_a_network_that_answered_nothing_is_unproven(administrator: User) -> None:
    permit("127.0.0.0/30", actor=None, now=NOW, allows_special=True)
    keep(administrator, "127.0.0.0/30", 1)
    run_due()
    assert of_networks() == {"127.0.0.0/30": State.UNPROVEN}


def test_an_exclusion_is_no_gap_but_its_end_is(server: int, administrator: User) -> None:
    permit("127.0.0.0/30", actor=None, now=NOW, allows_special=True)
    ban = permit("127.0.0.2", actor=None, now=NOW, is_excluded=True)
    keep(administrator, "127.0.0.0/30", server)
    run_due()
    assert of_networks() == {"127.0.0.0/30": State.COVERED}
    delete_network(ban, actor=administrator, now=timezone.now())
    assert of_networks() == {"127.0.0.0/30": State.NEVER}


def test_two_sources_cover_a_network_together(server: int, administrator: User) -> None:
    permit("127.0.0.0/30", actor=None, now=NOW, allows_special=True)
    keep(administrator, "127.0.0.0/31", server)
    run_due()
    assert of_networks() == {"127.0.0.0/30": State.IN_PART}
    given = {"ports": str(server), "zone": default_zone(), "owner_team": house()}
    other = Source(name="Rest", kind="network", targets="127.0.0.2/31", **given)
    save_source(other, actor=administrator, now=timezone.now())
    run_due()
    assert of_networks() == {"127.0.0.0/30": State.COVERED}


def test_a_scan_asked_once_covers_for_a_while(server: int) -> None:
    permit("127.0.0.0/30", actor=None, now=NOW, allows_special=True)
    run_all(start("127.0.0.0/30", ports=str(server)))
    tick(timezone.now())
    assert of_networks() == {"127.0.0.0/30": State.COVERED}
    later = timezone.now() + 3 * DAY
    (found,) = networks_now(Network.objects.select_related("coverage"), later)
    assert (found.standing.state, "no source looks at it again" in found.standing.sentence) == (State.LATE, True)


def test_a_run_is_noted_once(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "127.0.0.1", server)
    run_due()
    stamp = Coverage.objects.get(source__isnull=False).ended_at
    Coverage.objects.all().delete()
    tick(timezone.now())
    assert not Coverage.objects.exists()
    assert Scan.objects.get().finished_at == stamp


def test_a_cancelled_run_proves_nothing(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "127.0.0.1", server)
    tick(timezone.now())
    Scan.objects.update(status=WorkStatus.CANCELLED, finished_at=timezone.now())
    tick(timezone.now())
    assert not Coverage.objects.exists()
    assert of_source()[0] == State.NEVER
