"""From probe results to rows: spans, endpoints, and what is not worth a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from discovery.models import Candidate, Observation
from discovery.probe import HandshakeFailed, Place, ProbeResult, Reason, Served, ServedVariant, Unreachable
from discovery.services import Recording, record
from discovery.services.spans import Answer, continues
from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services import SeenBy, recount
from lab import pki
from tests.conftest import NOW

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BY = SeenBy("network", "Data centre")
SWEEP = Recording(BY, schedule=DAY)
NAMED = Recording(BY, schedule=DAY, was_named=lambda _: True)
ROOT = pki.Authority.make("Example Root", seed=3)
PLACE = Place("192.0.2.1", 443, "www.example.org")
ONE, OTHER = ROOT.issue(["www.example.org"]).der, ROOT.issue(["www.example.org"]).der
SERVED = Answer("served", "", 1)


def served(*ders: bytes, place: Place = PLACE, **others: bytes) -> Served:
    variants = [ServedVariant("default", ders, "TLSv1.3", "AES")]
    variants += [ServedVariant(name, (der,), "TLSv1.2", "AES") for name, der in others.items()]
    return Served(place, tuple(variants))


@pytest.mark.parametrize(
    ("before", "after", "gap", "expected"),
    [
        (SERVED, SERVED, DAY, True),
        (SERVED, SERVED, 2 * DAY, True),
        (SERVED, SERVED, 2 * DAY + HOUR, False),
        (SERVED, Answer("served", "", 2), HOUR, False),
        (SERVED, Answer("unreachable", "silent", None), HOUR, False),
        (Answer("unreachable", "silent", None), Answer("unreachable", "refused", None), HOUR, False),
        (Answer("unreachable", "silent", None), Answer("unreachable", "silent", None), HOUR, True),
        (SERVED, SERVED, -HOUR, True),
    ],
)
def test_when_a_span_goes_on(before: Answer, after: Answer, gap: timedelta, expected: bool) -> None:  # noqa: FBT001
    assert continues(before, NOW, after, NOW + gap, DAY) is expected


@pytest.mark.django_db
def test_the_same_answer_extends_the_span() -> None:
    for hours in (0, 1, 4, 5):
        record([served(ONE)], SWEEP, NOW + hours * HOUR)
    span = Observation.objects.get()
    assert (span.first_seen_at, span.last_seen_at, span.ended_at) == (NOW, NOW + 5 * HOUR, None)
    assert (span.confirmations, span.largest_gap_seconds) == (4, 3 * 3600)


@pytest.mark.django_db
def test_another_answer_ends_the_span_and_begins_one() -> None:
    results: list[ProbeResult] = [
        served(ONE),
        served(OTHER),
        Unreachable(PLACE, Reason.SILENT),
        HandshakeFailed(PLACE, Reason.TLS_ALERT, "handshake failure"),
        served(OTHER),
    ]
    for hours, result in enumerate(results):
        record([result], SWEEP, NOW + hours * HOUR)
    spans = list(Observation.objects.order_by("first_seen_at"))
    assert [span.outcome for span in spans] == ["served", "served", "unreachable", "handshake_failed", "served"]
    assert [span.ended_at for span in spans] == [*(NOW + hours * HOUR for hours in range(1, 5)), None]
    assert spans[3].detail == "handshake failure"


@pytest.mark.django_db
def test_too_long_without_a_look_begins_a_new_span() -> None:
    record([served(ONE)], SWEEP, NOW)
    record([served(ONE)], SWEEP, NOW + 3 * DAY)
    assert list(Observation.objects.order_by("pk").values_list("ended_at", flat=True)) == [NOW + 3 * DAY, None]


@pytest.mark.django_db
def test_another_free_text_or_cipher_is_no_other_answer() -> None:
    record([HandshakeFailed(PLACE, Reason.TLS_ALERT, "one text")], SWEEP, NOW)
    record([HandshakeFailed(PLACE, Reason.TLS_ALERT, "another text")], SWEEP, NOW + HOUR)
    assert Observation.objects.get().confirmations == 2


@pytest.mark.django_db
def test_recording_the_same_results_again_doubles_nothing() -> None:
    batch = [served(ROOT.issue([f"h{n}.example.org"]).der, ROOT.der, place=Place("192.0.2.1", n)) for n in range(1, 20)]
    first = record(batch, SWEEP, NOW)
    before = [model.objects.count() for model in (Endpoint, Observation, ServedChain, Certificate)]
    again = record(batch, SWEEP, NOW)
    assert [model.objects.count() for model in (Endpoint, Observation, ServedChain, Certificate)] == before
    assert (len(first.new), len(again.new), len(again.changed)) == (19, 0, 0)
    assert first.seen == again.seen
    assert recount() == []


@pytest.mark.django_db
def test_a_sweep_makes_no_endpoints_of_silence() -> None:
    silent = [Unreachable(Place(f"192.0.2.{n}", 443), Reason.SILENT) for n in range(200)]
    record([*silent, HandshakeFailed(Place("192.0.2.200", 443), Reason.TLS_ALERT)], SWEEP, NOW)
    assert Endpoint.objects.get().outcome == "handshake_failed"
    assert Observation.objects.count() == 1


@pytest.mark.django_db
def test_a_known_endpoint_that_falls_silent_is_noted_in_a_sweep() -> None:
    record([served(ONE)], SWEEP, NOW)
    record([Unreachable(PLACE, Reason.REFUSED)], SWEEP, NOW + HOUR)
    row = Endpoint.objects.get()
    assert (row.outcome, row.reason, row.last_seen_at) == ("unreachable", "refused", NOW)


@pytest.mark.django_db
def test_what_a_person_named_becomes_an_endpoint_even_if_nobody_answers() -> None:
    record([Unreachable(PLACE, Reason.SILENT)], NAMED, NOW)
    assert Endpoint.objects.get().outcome == "unreachable"


@pytest.mark.django_db
def test_a_name_that_was_not_found_is_no_endpoint() -> None:
    record([Unreachable(Place("nowhere.example.org", 443), Reason.NAME_NOT_FOUND)], NAMED, NOW)
    assert not Endpoint.objects.exists()


@pytest.mark.django_db
def test_both_certificates_of_a_dual_server_are_kept() -> None:
    record([served(ONE, rsa=OTHER)], SWEEP, NOW)
    assert dict(ServedChain.objects.values_list("variant", "certificate__sha256")) == {
        "default": pki.fingerprint(ONE),
        "rsa": pki.fingerprint(OTHER),
    }
    assert Observation.objects.filter(ended_at=None).count() == 2
    record([Unreachable(PLACE, Reason.SILENT)], SWEEP, NOW + HOUR)
    assert [span.outcome for span in Observation.objects.filter(ended_at=None)] == ["unreachable"]
    assert {row.state for row in ServedChain.objects.all()} == {"last_known"}


@pytest.mark.django_db
def test_a_second_certificate_that_is_served_no_more_goes_after_a_while() -> None:
    record([served(ONE, rsa=OTHER)], SWEEP, NOW)
    record([served(ONE)], SWEEP, NOW + DAY)
    assert ServedChain.objects.get(variant="rsa").state == "last_known"
    record([served(ONE)], SWEEP, NOW + 3 * DAY)
    assert not ServedChain.objects.filter(variant="rsa").exists()
    assert Certificate.objects.get(sha256=pki.fingerprint(OTHER)).nodes_serving == 0


@pytest.mark.django_db
def test_changed_means_another_certificate_at_the_same_place() -> None:
    assert not record([served(ONE)], SWEEP, NOW).changed
    recorded = record([served(OTHER)], SWEEP, NOW + HOUR)
    assert recorded.changed == {Endpoint.objects.get().pk}
    assert recorded.lost == {Certificate.objects.get(sha256=pki.fingerprint(ONE)).pk}


@pytest.mark.django_db
def test_the_schedule_of_the_source_becomes_that_of_the_endpoint() -> None:
    record([served(ONE)], Recording(BY, schedule=HOUR), NOW)
    record([served(ONE)], Recording(SeenBy("scan", "asked once")), NOW + HOUR)
    assert Endpoint.objects.get().schedule_seconds == 3600


@pytest.mark.django_db
def test_a_repeated_batch_takes_few_queries_whatever_its_size() -> None:
    batch = [served(ROOT.issue([f"h{n}.example.org"]).der, place=Place("192.0.2.1", n)) for n in range(1, 60)]
    record(batch, SWEEP, NOW)
    with CaptureQueriesContext(connection) as queries:
        record(batch, SWEEP, NOW + HOUR)
    # Three of them ask which rules there are, and who owns sources and networks; PostgreSQL takes one lock more.
    assert len(queries) <= 25


@pytest.mark.django_db
def test_hostile_text_of_a_server_is_kept_within_bounds() -> None:
    result = HandshakeFailed(PLACE, Reason.NOT_TLS, "\0<script>" * 1000)
    record([result], NAMED, NOW)
    record([replace(result, place=Place("192.0.2.2", 443))], SWEEP, NOW)
    for detail in (Observation.objects.get().detail, Candidate.objects.get().detail):
        assert len(detail) <= 500
        assert "\0" not in detail
