"""Counts add up: what was asked is what was answered, refused, silent, excluded and failed, whoever asked it twice."""

from __future__ import annotations

import pytest

from certdash.lib.work import WorkStatus
from discovery.engines.lookup import MAX_ADDRESSES
from discovery.models import Scan
from discovery.probe import Place
from discovery.services import start_listed_scan
from inventory.models import Endpoint
from tests.discovery.scanning import clock, counts, resolving, run_all, start
from tests.discovery.servers import closed_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]


def assert_sums(scan: Scan) -> None:
    """Every place has one answer, and every answer without a certificate has a reason."""
    assert (scan.status, scan.error, scan.not_tried) == (WorkStatus.DONE, "", 0)
    assert scan.asked == scan.answered + scan.refused + scan.silent + scan.excluded + scan.failed
    assert sum(scan.reasons.values()) == scan.asked - scan.answered
    for name in ("asked", "answered", "refused", "silent", "excluded", "failed"):
        assert sum(getattr(shard, name) for shard in scan.shards.all()) == getattr(scan, name), name


def test_a_name_and_its_own_address_are_two_places(server: int) -> None:
    with resolving(["127.0.0.1"]):
        scan = run_all(start(f"localhost:{server}\n127.0.0.1:{server}"))
    assert counts(scan) == {"asked": 2, "answered": 2}
    assert_sums(scan)


def test_a_name_and_its_own_address_asked_for_by_that_name_are_two_places(server: int) -> None:
    with resolving(["127.0.0.1", "127.0.0.2"]):
        scan = run_all(start(f"localhost:{server}\n127.0.0.1:{server}", server_names="localhost"))
    assert counts(scan) == {"asked": 3, "answered": 2, "refused": 1}
    assert_sums(scan)
    assert {row.host for row in Endpoint.objects.all()} == {"127.0.0.1", "127.0.0.2"}


def test_two_names_asked_for_by_the_same_name_are_two_places(server: int) -> None:
    places = [Place(host, server, "www.example.org") for host in ("one.example.org", "TWO.example.org")]
    with resolving(["127.0.0.1"]):
        scan = run_all(start_listed_scan(places, actor=None, now=clock(), title="a list"))
    assert counts(scan) == {"asked": 2, "answered": 2}
    assert_sums(scan)


def test_names_that_are_refused_and_not_found_count_like_addresses() -> None:
    refuses = closed_port()
    with resolving(["127.0.0.1"]):
        scan = run_all(start(f"localhost:{refuses}\n127.0.0.1:{refuses}", server_names="localhost"))
    assert counts(scan) == {"asked": 2, "refused": 2}
    assert_sums(scan)
    with resolving([]):
        scan = run_all(start(f"localhost:{refuses}\n127.0.0.1:{refuses}"))
    assert scan.reasons == {"name_not_found": 1, "refused": 1}
    assert_sums(scan)


def test_of_a_name_with_very_many_addresses_those_that_are_not_asked_are_told() -> None:
    many = [f"127.0.{n // 250}.{n % 250 + 1}" for n in range(MAX_ADDRESSES + 44)]
    with resolving(list(reversed(many))):
        scan = run_all(start(f"www.example.org:{closed_port()}"))
    assert counts(scan) == {"asked": 300, "refused": MAX_ADDRESSES, "failed": 44}
    assert scan.reasons == {"refused": MAX_ADDRESSES, "too_many_addresses": 44}
    assert_sums(scan)
    # Nobody looked there, so nothing is known of it. The same are asked each time.
    assert {row.host for row in Endpoint.objects.all()} == set(many[:MAX_ADDRESSES])
