"""By which index the database reads."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, User
from inventory.models import Issuer
from inventory.services import recount, refresh_statistics, refresh_statistics_if_outgrown, statistics
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL measures its tables by itself"),
]


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Without an organisation every page leads to the first run."""


def test_indexes_are_measured_whole() -> None:
    for _ in range(1_100):
        make_certificate()
    refresh_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE idx = 'cert_by_name'")
        assert cursor.fetchone()[0].split()[0] == "1100"


def test_the_sums_of_issuers_read_no_row_of_the_estate(client: Client, auditor: User) -> None:
    make_certificate(issuer=Issuer.objects.create(name_sha256="0" * 64, name="CN=CA", label="CA"), nodes_serving=1)
    client.force_login(auditor)
    with CaptureQueriesContext(connection) as captured:
        client.get("/issuers/")
    (sums,) = [query["sql"] for query in captured if "FILTER" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sums}")
        assert "USING COVERING INDEX cert_by_issuer" in " ".join(row[3] for row in cursor.fetchall())


def endpoints(*ports: int) -> None:
    for port in ports:
        make_endpoint(port=port)
    recount()


def test_an_estate_that_has_doubled_is_measured_before_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "FIRST_MEASURED", 2)
    endpoints(1)
    assert not refresh_statistics_if_outgrown()
    endpoints(2)
    assert refresh_statistics_if_outgrown()
    endpoints(3)
    assert not refresh_statistics_if_outgrown()
    endpoints(4)
    assert refresh_statistics_if_outgrown()


def test_a_small_estate_is_left_to_the_night() -> None:
    endpoints(1)
    assert not refresh_statistics_if_outgrown()
