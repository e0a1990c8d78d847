"""Orders of more than one column: all of a place together, each row once, and no sort of the whole table."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from inventory import filters
from inventory.filters.paging import Cursor
from inventory.models import Endpoint
from tests.inventory.factories import make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[Endpoint]:
    """In no order of their ids: each place is asked without a name first, and later for its names."""
    ports = [8443, 443, 25, 993, 465, 587]
    return [
        make_endpoint(f"192.0.2.{host}", port, name)
        for name in ("", "a.example.org", "b.example.org")
        for port in ports
        for host in (3, 1, 2)
    ]


def by_place(rows: list[Endpoint]) -> list[int]:
    return [row.pk for row in sorted(rows, key=lambda row: (bytes(row.address), row.port, row.pk))]


@pytest.mark.parametrize(("sort", "step"), [("address", 1), ("-address", -1)])
def test_endpoints_of_one_address_follow_their_ports_on_each_page(
    sort: str, step: int, rows: list[Endpoint], administrator: User, now: datetime
) -> None:
    expected = by_place(rows)[::step]
    pages = [filters.endpoints(f"sort={sort}", administrator, now).page()]
    while pages[-1].next:
        pages.append(filters.endpoints({"sort": sort, "after": pages[-1].next}, administrator, now).page())
    assert [[row.pk for row in page.rows] for page in pages] == [expected[:25], expected[25:50], expected[50:]]
    back = filters.endpoints({"sort": sort, "after": pages[2].previous}, administrator, now).page()
    assert [row.pk for row in back.rows] == expected[25:50]
    assert [row.pk for row in filters.endpoints(f"sort={sort}", administrator, now).ordered()] == expected


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the words of SQLite's plan")
@pytest.mark.parametrize("sort", ["address", "-address"])
def test_a_page_by_address_is_read_in_the_order_of_an_index(
    sort: str, rows: list[Endpoint], administrator: User, now: datetime
) -> None:
    first = filters.endpoints(f"sort={sort}", administrator, now).page()
    for after in ({}, {"after": first.next}):
        with CaptureQueriesContext(connection) as captured:
            filters.endpoints({"sort": sort, **after}, administrator, now).page()
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {captured[-1]['sql']}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "USING INDEX endpoint_by_address" in plan
        assert "TEMP B-TREE" not in plan


def test_a_link_to_a_page_that_names_too_few_columns_is_refused(administrator: User, now: datetime) -> None:
    short = Cursor("address", b"\0" * 16, 7).write("bytes")
    assert filters.endpoints({"after": short}, administrator, now).errors
    whole = Cursor("address", b"\0" * 16, 7, then=(443,)).write("bytes")
    assert not filters.endpoints({"after": whole}, administrator, now).errors
