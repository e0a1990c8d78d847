"""Parts of names are found by an index that the database keeps by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from inventory import filters
from inventory.filters.texts import called, names_holding, services_holding
from inventory.models import Certificate, CertificateName, Endpoint
from inventory.services.texts import index_texts
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)


def test_what_is_added_changed_and_removed_is_found_as_it_is_now() -> None:
    cert = make_certificate("shop.example.org")
    endpoint = make_endpoint("192.0.2.1", server_name="shop.example.org", certificate=cert)
    assert names_holding("hop.exam", 5) == [cert.pk]
    assert services_holding("hop.exam", 5) == [endpoint.pk]
    Endpoint.objects.update(service="mail.example.org:443")
    assert services_holding("hop.exam", 5) == []
    assert services_holding("mail", 5) == [endpoint.pk]
    Endpoint.objects.all().delete()
    cert.names.all().delete()
    assert names_holding("hop.exam", 5) == services_holding("mail", 5) == []


def test_what_the_index_took_in_is_found_and_can_change() -> None:
    cert = make_certificate("shop.example.org")
    endpoint = make_endpoint("192.0.2.1", server_name="shop.example.org", certificate=cert)
    index_texts(CertificateName, Certificate, Endpoint)
    assert names_holding("hop.exam", 5) == [cert.pk]
    assert services_holding("hop.exam", 5) == [endpoint.pk]
    Endpoint.objects.update(service="mail.example.org:443")
    assert services_holding("hop.exam", 5) == []
    assert services_holding("mail", 5) == [endpoint.pk]
    Endpoint.objects.all().delete()
    cert.names.all().delete()
    assert names_holding("hop.exam", 5) == services_holding("mail", 5) == []


def test_a_certificate_without_names_is_found_by_its_subject() -> None:
    bare = make_certificate("Printer on Floor 3")
    bare.names.all().delete()
    index_texts(Certificate)
    Certificate.objects.filter(pk=bare.pk).update(names_count=0, name="Printer on Floor 4")
    assert called("Floor 4", 5) == called("floor 4", 5) == [bare.pk]
    assert called("Floor 3", 5) == []


@pytest.mark.parametrize("text", ["_acme", "50%off", "*.shop", "a?b", "[x]", "sh", "%", "_"])
def test_no_character_is_a_wild_card(text: str) -> None:
    found = make_certificate(f"{text}.example.org")
    make_certificate("xacme.50xoff.ashop.acb.axb.host.example.org")
    expected = [found.pk] if text != "sh" else [found.pk, found.pk + 1]
    assert sorted(set(names_holding(text, 5))) == expected


def test_no_more_are_read_than_asked_for() -> None:
    for number in range(4):
        make_certificate(f"host-{number}.example.org")
    assert len(names_holding("example", 3)) == 3


def test_many_hits_are_found_row_by_row_with_the_same_answer(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = make_certificate("cdn.example.org")
    make_endpoint("192.0.2.1", server_name="shop.example.org", certificate=served)
    named, bare = make_certificate("shop.example.org"), make_certificate("the shop")
    Certificate.objects.filter(pk=bare.pk).update(names_count=0)
    make_certificate("other.example.org")

    def both(question: str) -> list[list[int]]:
        chosen = (filters.certificates(question, administrator, NOW), filters.endpoints(question, administrator, NOW))
        return [sorted(each.queryset.values_list("pk", flat=True)) for each in chosen]

    few = both("q=shop")
    assert few[0] == sorted([served.pk, named.pk, bare.pk])
    monkeypatch.setattr("inventory.filters.search.MOST_COUNTED", 0)
    assert both("q=shop") == few


def test_the_way_of_looking_never_decides_what_is_found(administrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of teams that one does not see decide between the two ways: nothing may be found by one of them alone."""
    row = make_certificate("shop.example.org", names=["2001:db8::7"], issuer="Shop CA", serial_number="00c0ffee1234")
    make_endpoint("192.0.2.1", server_name="till.example.org", certificate=row)
    spoken = make_certificate("Käse")
    Certificate.objects.filter(pk=spoken.pk).update(names_count=0)
    questions = [
        row.sha256, row.spki_sha256, row.sha256[:10], row.sha256[:10].upper(), "c0:ff:ee:12:34", "192.0.2.1",
        "192.0.2.1:443", "[2001:db8::7]", "till.example.org:443", "till", "shop ca", "käse",
    ]  # fmt: skip

    def found() -> list[tuple[set[int], set[int]]]:
        lists = (filters.certificates, filters.endpoints)
        rows = [[each({"q": question}, administrator, NOW).queryset for each in lists] for question in questions]
        return [(pks(certificates), pks(endpoints)) for certificates, endpoints in rows]

    def pks(rows: QuerySet[Any]) -> set[int]:
        return set(rows.values_list("pk", flat=True))

    few = found()
    assert all(certificates for certificates, _endpoints in few)
    monkeypatch.setattr("inventory.filters.search.MOST_COUNTED", 0)
    assert found() == few


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL chooses between its indexes by itself")
def test_a_part_of_a_name_is_read_from_the_index_and_not_from_all_names() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN QUERY PLAN SELECT rowid FROM inventory_certificatename_text WHERE value LIKE %s", ["%host%"]
        )
        plan = cursor.fetchall()
    assert "VIRTUAL TABLE INDEX 0:L0" in plan[0][-1]
