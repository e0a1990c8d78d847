"""How endpoints speak TLS: a change of version, cipher or key exchange is seen, whatever certificate is served."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, User
from discovery.models import Observation, Posture
from discovery.probe import Place, ProbeResult, Reason, Served, ServedVariant, Unreachable
from discovery.services import Recording, record
from inventory.models import Endpoint
from inventory.services import SeenBy
from lab import pki
from tests.conftest import NOW

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SWEEP = Recording(SeenBy("network", "Data centre"), schedule=DAY)
DER = pki.Authority.make("Example Root", seed=3).issue(["www.example.org"]).der
NEW = ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768")
OLD = ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "X25519")
pytestmark = pytest.mark.django_db


def place(host: int = 1) -> Place:
    return Place(f"192.0.2.{host}", 443, "www.example.org")


def served(spoken: tuple[str, ...] = NEW, host: int = 1) -> Served:
    version, cipher, group = spoken
    return Served(place(host), (ServedVariant("default", (DER,), version, cipher, group),))


def look(at: datetime, *results: ProbeResult) -> None:
    record(results or [served()], SWEEP, at)


def spans() -> list[tuple[str, int, bool]]:
    rows = Posture.objects.order_by("endpoint__address", "first_seen_at", "pk")
    return [(row.tls_version, row.confirmations, row.ended_at is None) for row in rows]


def test_the_same_posture_is_confirmed() -> None:
    for hours in (0, 1, 5):
        look(NOW + hours * HOUR)
    span = Posture.objects.get()
    assert (span.tls_version, span.cipher, span.key_exchange) == NEW
    assert (span.first_seen_at, span.last_seen_at, span.confirmations) == (NOW, NOW + 5 * HOUR, 3)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_change_of_any_part_is_a_new_span_under_the_same_certificate(part: int) -> None:
    changed = (*NEW[:part], OLD[part], *NEW[part + 1 :])
    look(NOW)
    look(NOW + HOUR, served(changed))
    look(NOW + 2 * HOUR, served(changed))
    first, second = Posture.objects.order_by("pk")
    assert (first.ended_at, first.last_seen_at) == (NOW + HOUR, NOW)
    assert ((second.tls_version, second.cipher, second.key_exchange), second.confirmations) == (changed, 2)
    assert Observation.objects.count() == 1


def test_a_change_at_the_same_moment_is_a_change() -> None:
    look(NOW)
    look(NOW, served(OLD))
    assert spans() == [("TLSv1.3", 1, False), ("TLSv1.2", 1, True)]


def test_silence_says_nothing_of_it() -> None:
    look(NOW)
    look(NOW + HOUR, Unreachable(place(), Reason.SILENT))
    look(NOW + 2 * HOUR)
    assert spans() == [("TLSv1.3", 2, True)]


def test_a_gap_over_twice_the_schedule_ends_it() -> None:
    look(NOW)
    look(NOW + 2 * DAY)
    look(NOW + 4 * DAY + HOUR)
    assert spans() == [("TLSv1.3", 2, False), ("TLSv1.3", 1, True)]


def test_of_many_only_those_that_changed_begin_anew() -> None:
    look(NOW, *(served(host=host) for host in range(1, 5)))
    # One changed, one is new, two are as they were, and one is silent.
    look(NOW + HOUR, served(host=1), served(host=2), served(OLD, host=3), served(OLD, host=9))
    assert spans() == [
        ("TLSv1.3", 2, True),
        ("TLSv1.3", 2, True),
        ("TLSv1.3", 1, False),
        ("TLSv1.2", 1, True),
        ("TLSv1.3", 1, True),
        ("TLSv1.2", 1, True),
    ]


def test_a_full_probe_has_spans_of_its_own() -> None:
    look(NOW)
    endpoint = Endpoint.objects.get()
    Posture.objects.create(
        endpoint=endpoint, profile="full", tls_version="TLSv1.2", cipher="many", first_seen_at=NOW, last_seen_at=NOW
    )
    look(NOW + HOUR)
    assert Posture.objects.get(profile="light").confirmations == 2
    assert Posture.objects.get(profile="full").confirmations == 1


def test_confirming_is_one_statement_for_those_who_speak_alike() -> None:
    batch = [served(host=host) for host in range(1, 101)]
    look(NOW, *batch)
    with CaptureQueriesContext(connection) as queries:
        look(NOW + HOUR, *batch)
    assert len([one for one in queries if "discovery_posture" in one["sql"]]) == 1


def test_the_history_of_an_endpoint_shows_the_change(
    client: Client, administrator: User, organisation: Organisation
) -> None:
    look(NOW, served(OLD))
    look(NOW + HOUR)
    client.force_login(administrator)
    page = client.get(f"/endpoints/{Endpoint.objects.get().pk}/history/").content.decode()
    assert page.index("X25519MLKEM768") < page.index("ECDHE-RSA-AES256-GCM-SHA384")
