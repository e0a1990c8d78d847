"""Scans and shards: split, fed, run against real servers, cancelled, ended, and true about what was not tried."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.core.exceptions import PermissionDenied
from django_q.models import OrmQ

from accounts.models import AuditEvent, User
from certdash.lib.work import LEASE, WorkStatus
from discovery.engines import own
from discovery.models import Observation, Scan, ScanShard
from discovery.probe import Place, Reason, Unreachable
from discovery.services import (
    Ask,
    ScanRefusedError,
    cancel_scan,
    check_now,
    feed,
    finish_scan,
    request_probe,
    run_shard,
    save_network,
    start_listed_scan,
    start_scan,
    tick,
)
from discovery.services.plans import asked_of
from inventory.models import Certificate, Endpoint
from inventory.services import recount
from lab import pki
from tests.conftest import NOW
from tests.discovery.servers import certificate as self_signed
from tests.discovery.servers import closed_port, says, server_context, serving, tls


def clock() -> datetime:
    return datetime.now(UTC)


def start(targets: str, **ask: object) -> Scan:
    return start_scan(Ask(targets, **ask), actor=None, now=clock())  # type: ignore[arg-type]


def run_all(scan: Scan) -> Scan:
    for shard in scan.shards.all():
        run_shard(shard.pk, "test", clock)
    scan.refresh_from_db()
    return scan


def counts(row: Scan | ScanShard) -> dict[str, int]:
    names = ("asked", "answered", "refused", "silent", "excluded", "failed")
    return {name: getattr(row, name) for name in names if getattr(row, name)}


@pytest.fixture
def loopback(db: None) -> None:
    save_network("127.0.0.0/8", actor=None, now=NOW, allows_special=True)


@pytest.fixture
def any_address(db: None) -> None:
    save_network("10.0.0.0/8", actor=None, now=NOW)


@pytest.fixture
def server() -> Iterator[int]:
    with serving(tls(server_context(self_signed("leaf", names=1)))) as port:
        yield port


def test_a_network_of_65536_addresses_is_few_rows(any_address: None) -> None:
    scan = start("10.1.0.0/16")
    assert (scan.asked, scan.total) == (65536, scan.shards.count())
    assert scan.shards.count() <= 256
    assert sum(shard.asked for shard in scan.shards.all()) == 65536


def test_shards_cover_each_place_once(any_address: None) -> None:
    scan = start("10.1.0.0/20\n10.9.0.1:8443", ports="443,465")
    places = [place for shard in scan.shards.all() for place in asked_of(scan).places(shard.first, shard.last)]
    assert len(places) == len(set(places)) == scan.asked == 2 * 4096 + 1


def test_at_most_workers_minus_one_shards_are_handed_out(any_address: None, settings: pytest.FixtureRequest) -> None:
    settings.WORKERS = 3  # type: ignore[attr-defined]
    start("10.1.0.0/16")
    start("10.2.0.0/16")
    assert OrmQ.objects.count() == 2
    handed = ScanShard.objects.filter(claim_until__gte=clock())
    assert handed.count() == 2
    assert feed("default", clock()) == 0
    # The tasks were lost: their shards wait again after the lease.
    assert feed("default", clock() + LEASE + timedelta(seconds=1)) == 2


def test_scans_take_turns(any_address: None, settings: pytest.FixtureRequest) -> None:
    settings.WORKERS = 3  # type: ignore[attr-defined]
    start("10.1.0.0/16")
    start("10.2.0.0/16")
    ScanShard.objects.update(claim_until=None)
    feed("default", clock())
    handed = ScanShard.objects.filter(claim_until__gte=clock())
    assert len(set(handed.values_list("scan_id", flat=True))) == 2


@pytest.mark.django_db(transaction=True)
def test_a_scan_finds_what_is_served_and_counts_every_place(loopback: None, server: int) -> None:
    refuses = closed_port()
    with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as http:
        scan = run_all(start(f"127.0.0.1:{server}\n127.0.0.1:{refuses}\n127.0.0.1:{http}"))
    assert counts(scan) == {"asked": 3, "answered": 1, "refused": 1, "failed": 1}
    assert (scan.status, scan.error, scan.not_tried) == ("done", "", 0)
    assert (scan.certificates, scan.new, scan.done, scan.total) == (1, 1, 1, 1)
    assert scan.reasons == {"not_tls": 1, "refused": 1}
    row = Certificate.objects.get()
    assert row.sha256 == pki.fingerprint(bytes(row.der.der))
    assert Endpoint.objects.count() == 3
    assert Observation.objects.filter(scan=scan).count() == 3
    assert recount() == []


@pytest.mark.django_db(transaction=True)
def test_a_second_scan_finds_nothing_new(loopback: None, server: int) -> None:
    run_all(start(f"127.0.0.1:{server}"))
    scan = run_all(start(f"127.0.0.1:{server}"))
    assert (scan.certificates, scan.new, scan.changed, scan.gone) == (1, 0, 0, 0)
    assert Observation.objects.get().confirmations == 2


@pytest.mark.django_db(transaction=True)
def test_a_replaced_certificate_is_gone(loopback: None) -> None:
    with serving(tls(server_context(self_signed("one")))) as port:
        run_all(start(f"127.0.0.1:{port}"))
    with serving(tls(server_context(self_signed("two"))), port=port):
        scan = run_all(start(f"127.0.0.1:{port}"))
    assert (scan.certificates, scan.new, scan.changed, scan.gone) == (1, 1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_many_ports_of_one_host_leave_no_endpoints_where_nothing_is(loopback: None, server: int) -> None:
    scan = run_all(start("127.0.0.1", ports=f"{server},{closed_port()}"))
    assert counts(scan) == {"asked": 2, "answered": 1, "refused": 1}
    assert Endpoint.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_each_address_of_a_name_counts(loopback: None, server: int) -> None:
    with _resolving(["127.0.0.1", "127.0.0.2"]):
        scan = run_all(start(f"www.example.org:{server}"))
    assert scan.asked == 2
    assert scan.tried == 2
    assert {row.server_name for row in Endpoint.objects.all()} == {"www.example.org"}
    assert {row.host for row in Endpoint.objects.all()} == {"127.0.0.1", "127.0.0.2"}


@pytest.mark.django_db(transaction=True)
def test_a_name_that_leads_where_we_may_not_go_is_not_asked(loopback: None) -> None:
    with _resolving(["10.66.66.66"]):
        scan = run_all(start("www.example.org"))
    assert counts(scan) == {"asked": 1, "excluded": 1}
    assert scan.reasons == {"not_allowed": 1}


def _resolving(addresses: list[str]):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """The engine looks names up through getaddrinfo."""

    def found(*_args: object, **_kwargs: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    return patch("socket.getaddrinfo", found)


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_ended_is_not_run_again(loopback: None, server: int) -> None:
    scan = run_all(start(f"127.0.0.1:{server}"))
    assert not run_shard(scan.shards.get().pk, "other", clock)
    assert Observation.objects.get().confirmations == 1


@pytest.mark.django_db(transaction=True)
def test_a_shard_in_other_hands_is_left_alone(loopback: None, server: int) -> None:
    shard = start(f"127.0.0.1:{server}").shards.get()
    assert shard.claim("other", clock())
    assert not run_shard(shard.pk, "test", clock)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_taken_for_dead_writes_nothing(loopback: None, server: int) -> None:
    """Its successor claims the shard while it probes."""
    shard = start(f"127.0.0.1:{server}").shards.get()

    def slow(places: object, policy: object, *, on_result: object, **options: object) -> None:
        ScanShard.objects.filter(pk=shard.pk).update(claim_until=clock() - LEASE)
        successor = ScanShard.objects.get(pk=shard.pk)
        assert successor.claim("successor", clock())
        probe_many(places, policy, on_result=on_result, **options)  # type: ignore[arg-type]

    probe_many = own.probe_many
    with patch.object(own, "probe_many", slow):
        assert not run_shard(shard.pk, "slow", clock)
    assert not Endpoint.objects.exists()
    shard.refresh_from_db()
    assert (shard.status, shard.claimed_by, shard.answered) == ("running", "successor", 0)


@pytest.mark.django_db(transaction=True)
def test_places_for_which_no_descriptor_was_free_are_tried_again_and_never_called_silent(
    loopback: None, server: int
) -> None:
    """The first pass has no descriptors; the second finds the server."""
    calls = []
    probe_many = own.probe_many

    def starved(places: list[Place], policy: object, *, on_result: object, **options: object) -> None:
        calls.append(len(places))
        if len(calls) == 1:
            for place in places:
                on_result(Unreachable(place, Reason.TOO_MANY_FILES))  # type: ignore[operator]
        else:
            probe_many(places, policy, on_result=on_result, **options)  # type: ignore[arg-type]

    with patch.object(own, "probe_many", starved):
        scan = run_all(start(f"127.0.0.1:{server}"))
    assert (calls, scan.status, scan.answered) == ([1, 1], "done", 1)


@pytest.mark.django_db(transaction=True)
def test_a_scan_with_something_untried_is_not_done(loopback: None, server: int) -> None:
    def starved(places: list[Place], policy: object, *, on_result: object, **options: object) -> None:
        for place in places:
            on_result(Unreachable(place, Reason.TOO_MANY_FILES))  # type: ignore[operator]

    with patch.object(own, "probe_many", starved):
        scan = run_all(start(f"127.0.0.1:{server}"))
    assert scan.status == "failed"
    assert "1 of 1 places were not tried." in scan.error
    assert "file descriptors" in scan.error


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_takes_down_every_worker_is_given_up(loopback: None, server: int) -> None:
    scan = start(f"127.0.0.1:{server}")
    scan.shards.update(attempts=5)
    run_all(scan)
    assert scan.status == "failed"
    assert "Given up after 5 attempts" in scan.error


@pytest.mark.django_db(transaction=True)
def test_after_new_facts_their_readers_are_called(loopback: None, server: int) -> None:
    scan = start(f"127.0.0.1:{server}")
    OrmQ.objects.all().delete()
    run_all(scan)
    assert [task.func() for task in OrmQ.objects.all()] == ["policy.tasks.tick"]
    OrmQ.objects.all().delete()
    Endpoint.objects.update(judge_at=None)
    Certificate.objects.update(judge_at=None)
    scan = start(f"127.0.0.1:{server}")
    OrmQ.objects.all().delete()
    run_all(scan)
    assert not OrmQ.objects.exists()


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


@pytest.mark.django_db(transaction=True)
def test_a_running_shard_notices_that_its_scan_was_cancelled(loopback: None, operator: User) -> None:
    scan = start_scan(Ask("127.0.0.1:443"), actor=operator, now=clock())

    def endless(places: object, policy: object, *, should_stop: object, **options: object) -> None:
        cancel_scan(scan, actor=operator, now=clock())
        until = clock() + timedelta(seconds=20)
        while not should_stop() and clock() < until:  # type: ignore[operator]
            continue

    with patch.object(own, "probe_many", endless):
        run_shard(scan.shards.get().pk, "test", clock)
    shard = scan.shards.get()
    assert (shard.status, shard.not_tried) == ("cancelled", 1)
    scan.refresh_from_db()
    assert (scan.status, scan.not_tried) == ("cancelled", 1)


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


@pytest.mark.django_db(transaction=True)
def test_known_endpoints_are_asked_again_with_their_server_name(loopback: None, server: int) -> None:
    place = Place("127.0.0.1", server, "www.example.org")
    run_all(start_listed_scan([place], actor=None, now=clock(), title="by hand"))
    (scan,) = request_probe(Endpoint.objects.all(), title="after a reload", now=clock())
    run_all(scan)
    assert (scan.kind, scan.answered) == ("verify", 1)
    assert Observation.objects.get().confirmations == 2


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
