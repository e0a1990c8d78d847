"""Open ports without TLS: candidates where only a sweep came by, endpoints where somebody means them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from discovery.models import Candidate, Scan
from discovery.probe import HandshakeFailed, Place, ProbeResult, Reason, Served, ServedVariant, Unreachable
from discovery.services import CANDIDATES_KEPT, Recording, default_zone, forget_candidates, record
from discovery.services import candidates as candidates_of_services
from inventory.models import Endpoint
from inventory.services import SeenBy, recount
from tests.conftest import NOW
from tests.discovery.servers import certificate, der

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
BY = SeenBy("network", "Data centre")
SWEEP = Recording(BY, schedule=timedelta(days=1))
NAMED = Recording(BY, was_named=lambda _: True)
PLACE = Place("192.0.2.1", 8080)
SSH = HandshakeFailed(PLACE, Reason.NOT_TLS, "SSH")
SERVED = Served(PLACE, (ServedVariant("default", (der(certificate("leaf", names=1)),), "TLSv1.3", "AES"),))


@pytest.mark.parametrize(
    "reason", [Reason.NOT_TLS, Reason.TIMED_OUT, Reason.CLOSED_EARLY, Reason.CONNECTION_RESET, Reason.STARTTLS_REFUSED]
)
def test_an_open_port_without_tls_that_a_sweep_found_is_a_candidate(reason: Reason) -> None:
    recorded = record([HandshakeFailed(PLACE, reason, "what it said")], SWEEP, NOW)
    row = Candidate.objects.get()
    assert (row.place, row.protocol, row.zone) == ("192.0.2.1:8080", "tls", "default")
    assert (row.reason, row.detail) == (reason, "what it said")
    assert (row.first_seen_at, row.last_seen_at) == (NOW, NOW)
    assert recorded.candidates == {row.pk}
    assert not recorded.endpoints
    assert not Endpoint.objects.exists()
    assert recount() == []


@pytest.mark.parametrize(
    "reason", [Reason.TLS_ALERT, Reason.SERVER_NAME_REQUIRED, Reason.NO_CERTIFICATE, Reason.MESSAGE_TOO_LARGE]
)
def test_what_speaks_tls_is_an_endpoint_that_is_not_judged(reason: Reason) -> None:
    record([HandshakeFailed(PLACE, reason)], SWEEP, NOW)
    assert Endpoint.objects.get().outcome == "handshake_failed"
    assert not Candidate.objects.exists()


def test_what_a_person_named_is_an_endpoint_whatever_answers() -> None:
    recorded = record([SSH], NAMED, NOW)
    assert recorded.endpoints == {Endpoint.objects.get().pk}
    assert not Candidate.objects.exists()


@pytest.mark.parametrize("first", [SERVED, HandshakeFailed(PLACE, Reason.TLS_ALERT)])
def test_what_once_spoke_tls_stays_an_endpoint(first: ProbeResult) -> None:
    record([first], SWEEP, NOW)
    record([SSH], SWEEP, NOW + HOUR)
    assert Endpoint.objects.get().reason == "not_tls"
    assert not Candidate.objects.exists()


def test_a_door_that_refuses_a_name_it_does_not_know_is_no_candidate() -> None:
    other = HandshakeFailed(Place("192.0.2.1", 8080, "www.example.org"), Reason.CLOSED_EARLY)
    record([SERVED, other], SWEEP, NOW)
    third = HandshakeFailed(Place("192.0.2.1", 8080, "other.example.org"), Reason.CLOSED_EARLY)
    record([third], SWEEP, NOW + HOUR)
    assert Endpoint.objects.count() == 3
    assert not Candidate.objects.exists()


def test_several_names_at_one_door_are_one_candidate() -> None:
    named = HandshakeFailed(Place("192.0.2.1", 8080, "www.example.org"), Reason.NOT_TLS, "SSH")
    record([SSH, named], SWEEP, NOW)
    assert Candidate.objects.count() == 1


def test_the_same_again_moves_the_last_time_and_what_was_said() -> None:
    scan = Scan.objects.create(title="sweep", zone=default_zone(), created_at=NOW)
    first = record([SSH], SWEEP, NOW)
    again = record([HandshakeFailed(PLACE, Reason.TIMED_OUT)], Recording(BY, scan=scan), NOW + HOUR)
    row = Candidate.objects.get()
    assert first.candidates == again.candidates == {row.pk}
    assert (row.first_seen_at, row.last_seen_at, row.reason, row.scan) == (NOW, NOW + HOUR, "timed_out", scan)


def test_a_candidate_in_another_zone_or_of_another_protocol_is_another() -> None:
    record([SSH, HandshakeFailed(Place("192.0.2.1", 8080, "", "smtp"), Reason.STARTTLS_REFUSED)], SWEEP, NOW)
    record([SSH], Recording(BY, zone="factory"), NOW)
    assert Candidate.objects.count() == 3
    record([SERVED], SWEEP, NOW + HOUR)
    settled = Candidate.objects.exclude(became_endpoint_at=None).get()
    assert (settled.zone, settled.protocol, settled.became_endpoint_at) == ("default", "tls", NOW + HOUR)


@pytest.mark.parametrize(("result", "recording"), [(SERVED, SWEEP), (SSH, NAMED)])
def test_a_candidate_becomes_an_endpoint_and_stays_one(result: ProbeResult, recording: Recording) -> None:
    record([SSH], SWEEP, NOW)
    record([result], recording, NOW + HOUR)
    record([SSH], SWEEP, NOW + 2 * HOUR)
    assert Endpoint.objects.get().reason == "not_tls"
    assert not Candidate.objects.waiting().exists()


def test_silence_is_no_news_of_a_candidate() -> None:
    record([SSH], SWEEP, NOW)
    record([Unreachable(PLACE, Reason.REFUSED)], SWEEP, NOW + HOUR)
    assert Candidate.objects.get().last_seen_at == NOW
    assert not Endpoint.objects.exists()


def test_what_was_not_seen_for_long_is_forgotten_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_of_services, "AT_ONCE", 2)
    doors = [Place("127.0.0.1", port) for port in range(7001, 7008)]
    record([HandshakeFailed(place, Reason.NOT_TLS) for place in doors], SWEEP, NOW)
    record([HandshakeFailed(place, Reason.NOT_TLS) for place in doors[:2]], SWEEP, NOW + HOUR)
    assert forget_candidates(NOW + CANDIDATES_KEPT) == 0
    assert forget_candidates(NOW + CANDIDATES_KEPT + HOUR) == 5
    assert set(Candidate.objects.values_list("port", flat=True)) == {7001, 7002}
    assert forget_candidates(NOW + CANDIDATES_KEPT + HOUR) == 0
