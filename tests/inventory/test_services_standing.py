"""What is served where, and what follows for certificates: nodes, supersession, presence, totals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from inventory.addresses import pack
from inventory.models import Certificate, Endpoint, ServedChain, Sighting
from inventory.services import (
    Look,
    Noted,
    SeenBy,
    Spot,
    endpoints_at,
    kept,
    note_looks,
    recount,
    retire_endpoint,
    store_chains,
    unretire_endpoint,
)
from inventory.services.chains import chain_digest
from inventory.status import Status
from lab import pki
from tests.conftest import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
BY = SeenBy("network", "Data centre")
ROOT = pki.Authority.make("Example Root", seed=2)


def issue(name: str = "www.example.org", days_old: int = 10, key: str = "p256") -> bytes:
    return ROOT.issue([name], not_before=NOW - days_old * DAY, not_after=NOW + 80 * DAY, key=key).der


def spot(address: str = "192.0.2.1", name: str = "www.example.org", port: int = 443) -> Spot:
    return Spot("default", pack(address), port, name, "tls")


def note(looks: dict[Spot, Sequence[bytes] | None], now: datetime = NOW) -> Noted:
    """One batch: at each place the given chain, or silence for None."""
    stored = store_chains([ders for ders in looks.values() if ders], now)
    batch = [
        (
            place,
            Look(Endpoint.Outcome.SERVED, "", "TLSv1.3", "AES", {"default": stored.ids[chain_digest(ders)]})
            if ders
            else Look(Endpoint.Outcome.UNREACHABLE, "silent"),
        )
        for place, ders in looks.items()
    ]
    with kept() as deltas:
        return note_looks(batch, endpoints_at(list(looks)), BY, now, None, deltas)


def certificate(der: bytes) -> Certificate:
    return Certificate.objects.get(sha256=pki.fingerprint(der))


def test_the_nodes_of_a_name_are_counted_together() -> None:
    new, old = issue(days_old=1), issue(days_old=50)
    note({spot("192.0.2.1"): [new], spot("192.0.2.2"): [new], spot("192.0.2.3"): [old]})
    assert (certificate(new).nodes_serving, certificate(new).nodes_total) == (2, 3)
    assert (certificate(old).nodes_serving, certificate(old).nodes_total) == (1, 3)


def test_an_older_certificate_that_one_of_its_nodes_gave_up_for_a_newer_one_is_superseded() -> None:
    new, old = issue(days_old=1), issue(days_old=50)
    note({spot("192.0.2.1"): [old], spot("192.0.2.3"): [old]})
    note({spot("192.0.2.1"): [new]}, NOW + DAY)
    assert certificate(old).status_at(NOW) == Status.SUPERSEDED
    assert not certificate(new).superseded


def test_nodes_that_have_certificates_of_their_own_supersede_nothing_of_each_other() -> None:
    first, second, third = issue(days_old=50), issue(days_old=49), issue(days_old=20)
    note({spot("192.0.2.1"): [first], spot("192.0.2.2"): [second], spot("192.0.2.3"): [third]})
    renewed = issue(days_old=0)
    note({spot("192.0.2.1"): [renewed]}, NOW + DAY)
    assert [certificate(der).superseded for der in (first, second, third, renewed)] == [True, False, False, False]


def test_certificates_of_one_name_at_places_of_their_own_do_not_replace_each_other() -> None:
    older, newer = issue("localhost", days_old=50), issue("localhost", days_old=1)
    note({spot("192.0.2.1", name=""): [older], spot("192.0.2.2", name=""): [newer]})
    assert certificate(older).status_at(NOW) == Status.IN_DATE


def test_what_went_out_of_use_is_gone_and_not_superseded_by_a_newer_one_elsewhere() -> None:
    older, newer, other = issue("localhost", days_old=50), issue("localhost", days_old=1), issue("www.example.org")
    note({spot("192.0.2.1", name=""): [older], spot("192.0.2.2", name=""): [newer]})
    note({spot("192.0.2.1", name=""): [other]}, NOW + DAY)
    assert certificate(older).status_at(NOW) == Status.GONE


def test_what_was_never_in_use_is_superseded_by_nothing() -> None:
    older, newer = issue(days_old=50), issue(days_old=1)
    store_chains([[older]], NOW)
    note({spot(): [newer]})
    assert certificate(older).status_at(NOW) == Status.IN_DATE


def test_the_word_stays_when_what_took_over_goes_out_of_use_too() -> None:
    older, newer, other = issue(days_old=50), issue(days_old=5), issue("other.example.org")
    for day, der in enumerate((older, newer, other)):
        note({spot(): [der]}, NOW + day * DAY)
    assert certificate(older).status_at(NOW) == Status.SUPERSEDED
    assert certificate(newer).status_at(NOW) == Status.GONE


def test_a_newer_certificate_that_was_in_use_elsewhere_takes_over_where_it_arrives() -> None:
    older, newer = issue(days_old=50), issue(days_old=1)
    note({spot("192.0.2.1"): [older], spot("192.0.2.2"): [older], spot("192.0.2.3", port=8443): [newer]})
    assert not certificate(older).superseded
    note({spot("192.0.2.1"): [newer]}, NOW + DAY)
    assert certificate(older).superseded


def test_a_service_of_its_own_keeps_a_certificate_in_date_until_it_is_replaced_there_too() -> None:
    older, newer = issue(days_old=50), issue(days_old=1)
    note({spot("192.0.2.1"): [older], spot("192.0.2.2", port=8443): [older]})
    note({spot("192.0.2.1"): [newer]}, NOW + DAY)
    assert certificate(older).status_at(NOW) == Status.IN_DATE
    note({spot("192.0.2.2", port=8443): [newer]}, NOW + 2 * DAY)
    assert certificate(older).superseded


def test_what_is_known_of_other_services_stays_when_one_is_looked_at() -> None:
    older, newer = issue(days_old=50), issue(days_old=1)
    note({spot("192.0.2.1"): [older], spot("192.0.2.2"): [older], spot("192.0.2.3", port=8443): [older]})
    note({spot("192.0.2.2"): [newer]}, NOW)
    assert certificate(older).superseded
    note({spot("192.0.2.4", port=8443): [older]}, NOW + DAY)
    assert certificate(older).superseded


def test_going_back_to_the_older_certificate_takes_the_word_away() -> None:
    new, old = issue(days_old=1), issue(days_old=50)
    note({spot(): [old]})
    note({spot(): [new]}, NOW + DAY)
    assert certificate(old).superseded
    note({spot(): [old]}, NOW + 2 * DAY)
    assert not certificate(old).superseded
    assert certificate(new).status_at(NOW) == Status.GONE


def test_certificates_of_two_kinds_of_key_do_not_replace_each_other() -> None:
    ecdsa, rsa = issue(days_old=1), issue(days_old=50, key="rsa2048")
    note({spot("192.0.2.1"): [rsa], spot("192.0.2.2"): [rsa]})
    note({spot("192.0.2.1"): [ecdsa]}, NOW + DAY)
    assert not certificate(rsa).superseded


def test_a_replaced_certificate_is_lost_once_its_last_node_changed() -> None:
    first, second = issue(), issue(days_old=1)
    note({spot("192.0.2.1"): [first], spot("192.0.2.2"): [first]})
    assert note({spot("192.0.2.1"): [second]}, NOW + DAY).lost == frozenset()
    noted = note({spot("192.0.2.2"): [second]}, NOW + 2 * DAY)
    assert noted.lost == {certificate(first).pk}
    assert len(noted.changed) == 1


def test_silence_does_not_make_a_certificate_gone() -> None:
    der = issue()
    note({spot(): [der]})
    assert note({spot(): None}, NOW + DAY).lost == frozenset()
    row, served = certificate(der), ServedChain.objects.get()
    assert (row.nodes_serving, row.nodes_last_known) == (1, 1)
    assert row.status_at(NOW) == Status.IN_DATE
    assert (served.state, served.since, served.observed_at) == (ServedChain.State.LAST_KNOWN, NOW + DAY, NOW)
    endpoint = Endpoint.objects.get()
    assert (endpoint.last_seen_at, endpoint.last_tried_at) == (NOW, NOW + DAY)
    assert endpoint.certificate == row


def test_an_answer_after_silence_is_served_again() -> None:
    der = issue()
    note({spot(): [der]})
    note({spot(): None}, NOW + DAY)
    note({spot(): [der]}, NOW + 2 * DAY)
    assert certificate(der).nodes_last_known == 0
    assert ServedChain.objects.get().state == ServedChain.State.SERVED


def test_the_same_look_again_calls_nobody_to_judge() -> None:
    der = issue()
    note({spot(): [der]})
    Endpoint.objects.update(judge_at=NOW + 9 * DAY)
    Certificate.objects.update(judge_at=NOW + 9 * DAY)
    note({spot(): [der]}, NOW + DAY)
    assert Endpoint.objects.get().judge_at == NOW + 9 * DAY
    assert certificate(der).judge_at == NOW + 9 * DAY
    assert certificate(der).last_seen_at == NOW + DAY


def test_another_chain_with_the_same_certificate_calls_the_judge() -> None:
    der = issue()
    note({spot(): [der]})
    note({spot(): [der, ROOT.der]}, NOW + DAY)
    assert Endpoint.objects.get().judge_at == NOW + DAY


def test_a_source_is_noted_once_per_thing() -> None:
    der = issue()
    note({spot(): [der]})
    note({spot(): [der]}, NOW + DAY)
    assert (
        sorted(Sighting.objects.values_list("source_kind", "first_at", "last_at")) == [("network", NOW, NOW + DAY)] * 2
    )


def test_the_number_of_queries_does_not_grow_with_the_batch() -> None:
    def batch(size: int, net: int) -> dict[Spot, Sequence[bytes] | None]:
        return {
            spot(f"10.{net}.0.{n}", f"h{net}-{n}.example.org"): [issue(f"h{net}-{n}.example.org")] for n in range(size)
        }

    note(batch(1, 0))
    with CaptureQueriesContext(connection) as few:
        note(batch(2, 1))
    with CaptureQueriesContext(connection) as many:
        note(batch(30, 2))
    assert len(many) <= len(few)


def test_a_retired_endpoint_leaves_the_denominator_and_can_come_back(operator: User, administrator: User) -> None:
    der = issue()
    note({spot("192.0.2.1"): [der], spot("192.0.2.2"): [der]})
    endpoint = Endpoint.objects.first()
    assert endpoint
    assert retire_endpoint(endpoint, "taken down", actor=operator, now=NOW)
    assert not retire_endpoint(endpoint, "taken down", actor=operator, now=NOW)
    assert (certificate(der).nodes_serving, certificate(der).nodes_total) == (1, 1)
    assert unretire_endpoint(endpoint, "it was not", actor=administrator, now=NOW)
    assert (certificate(der).nodes_serving, certificate(der).nodes_total) == (2, 2)
    assert recount() == []


def test_a_retired_endpoint_that_answers_is_back(operator: User) -> None:
    der = issue()
    note({spot(): [der]})
    retire_endpoint(Endpoint.objects.get(), "taken down", actor=operator, now=NOW)
    assert certificate(der).nodes_serving == 0
    note({spot(): [der]}, NOW + DAY)
    assert Endpoint.objects.get().retired_at is None
    assert certificate(der).nodes_serving == 1
    assert recount() == []
