"""Rows made and written by the thousand are the same rows."""

from __future__ import annotations

import pytest

from inventory.models import Certificate, Endpoint
from inventory.services.writing import among, blank, insert_rows, write_values
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

COLUMNS = {"name": "www.example.org", "sha256": "ab" * 32, "first_seen_at": NOW}


@pytest.mark.parametrize("model", [Certificate, Endpoint])
def test_a_blank_row_is_what_its_model_makes(model: type[Certificate] | type[Endpoint]) -> None:
    columns = COLUMNS if model is Certificate else {"port": 443, "first_seen_at": NOW}
    made, usual = blank(model, columns), model(**columns)
    names = [field.attname for field in model._meta.concrete_fields]
    assert {name: getattr(made, name) for name in names} == {name: getattr(usual, name) for name in names}
    assert made._state.adding


def test_blank_rows_share_no_list_and_no_mapping() -> None:
    one, other = blank(Certificate, COLUMNS), blank(Certificate, COLUMNS)
    one.regulations.append("PCI DSS")
    one.custom_fields["cost centre"] = "4711"
    assert (other.regulations, other.custom_fields) == ([], {})


@pytest.mark.django_db
def test_a_blank_row_can_be_inserted_and_read() -> None:
    insert_rows([blank(Certificate, COLUMNS)])
    assert Certificate.objects.get().name == "www.example.org"


@pytest.mark.django_db
def test_values_are_written_to_the_row_of_their_key() -> None:
    one, other = make_certificate(), make_certificate()
    write_values(Certificate, ("nodes_serving", "judge_at"), [(3, NOW, one.pk)])
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.nodes_serving, one.judge_at, other.nodes_serving) == (3, NOW, 0)


@pytest.mark.django_db
def test_among_finds_numbers_and_texts_through_foreign_keys_too() -> None:
    one, other = make_certificate(name="bücher\"'.example"), make_certificate()
    found = Certificate.objects.order_by("pk")
    assert list(found.filter(among("pk", [one.pk, other.pk]))) == [one, other]
    assert list(found.filter(among("name", [one.name, "missing"]))) == [one]
    assert list(found.filter(among("issuer__label", ["Example CA 1"]), pk=other.pk)) == [other]
    assert list(found.filter(among("issuer_id", []))) == []


@pytest.mark.django_db
def test_among_finds_bytes() -> None:
    rows = [make_endpoint("192.0.2.1"), make_endpoint("192.0.2.2")]
    addresses = [bytes(row.address) for row in rows]
    found = Endpoint.objects.order_by("pk")
    assert list(found.filter(among("address", [addresses[1], b"\0" * 16]), port=443)) == rows[1:]
    assert list(found.filter(among("address", addresses))) == rows
    assert list(found.filter(among("address", [b"\0" * 16]))) == []
