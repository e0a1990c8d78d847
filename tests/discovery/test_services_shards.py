"""Shards run against real servers: counted once, left to others, cancelled, and true about what was not tried."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django_q.models import OrmQ

from accounts.models import User
from certdash.lib.work import LEASE
from discovery.engines import own
from discovery.models import Observation, ScanShard
from discovery.probe import Place, Reason, Unreachable
from discovery.services import (
    Ask,
    cancel_scan,
    request_probe,
    run_shard,
    start_listed_scan,
    start_scan,
)
from inventory.models import Certificate, Endpoint
from inventory.services import recount
from lab import pki
from tests.discovery.scanning import clock, counts, resolving, run_all, start
from tests.discovery.servers import certificate as self_signed
from tests.discovery.servers import closed_port, says, server_context, serving, tls


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
    with resolving(["127.0.0.1", "127.0.0.2"]):
        scan = run_all(start(f"www.example.org:{server}"))
    assert scan.asked == 2
    assert scan.tried == 2
    assert {row.server_name for row in Endpoint.objects.all()} == {"www.example.org"}
    assert {row.host for row in Endpoint.objects.all()} == {"127.0.0.1", "127.0.0.2"}


@pytest.mark.django_db(transaction=True)
def test_a_name_that_leads_where_we_may_not_go_is_not_asked(loopback: None) -> None:
    with resolving(["10.66.66.66"]):
        scan = run_all(start("www.example.org"))
    assert counts(scan) == {"asked": 1, "excluded": 1}
    assert scan.reasons == {"not_allowed": 1}


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
    Endpoint.objects.update(judge_at=clock() + timedelta(days=9))
    Certificate.objects.update(judge_at=clock() + timedelta(days=9))
    scan = start(f"127.0.0.1:{server}")
    OrmQ.objects.all().delete()
    run_all(scan)
    assert not OrmQ.objects.exists()


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


@pytest.mark.django_db(transaction=True)
def test_what_has_answered_is_shown_while_the_rest_is_slow(loopback: None) -> None:
    shard = start(f"127.0.0.1:{closed_port()}").shards.get()
    shown: list[int] = []

    def slow(places: list[Place], policy: object, *, on_result: object, should_stop: object, **options: object) -> None:
        on_result(Unreachable(places[0], Reason.REFUSED, ""))  # type: ignore[operator]
        until = clock() + timedelta(seconds=20)
        while not shown and clock() < until:
            should_stop()  # type: ignore[operator]
            shown.extend(ScanShard.objects.filter(pk=shard.pk, refused=1).values_list("refused", flat=True))

    with patch.object(own, "probe_many", slow):
        run_shard(shard.pk, "test", clock)
    assert shown == [1]


@pytest.mark.django_db(transaction=True)
def test_known_endpoints_are_asked_again_with_their_server_name(loopback: None, server: int) -> None:
    place = Place("127.0.0.1", server, "www.example.org")
    run_all(start_listed_scan([place], actor=None, now=clock(), title="by hand"))
    (scan,) = request_probe(Endpoint.objects.all(), title="after a reload", now=clock())
    run_all(scan)
    assert (scan.kind, scan.answered) == ("verify", 1)
    assert Observation.objects.get().confirmations == 2
