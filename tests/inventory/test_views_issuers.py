"""Issuers: each number of the list is that of the list of certificates behind it, whatever happened meanwhile."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from inventory import filters
from inventory.filters.base import Count
from inventory.models import Certificate, Issuer
from inventory.services import assign_owner, recount, retire_certificate
from inventory.snapshot import issuers
from inventory.snapshot.issuers import issuer_sums
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_issuer
from tests.inventory.test_services_standing import DAY, issue, note, spot

pytestmark = pytest.mark.django_db
CELL = re.compile(r'href="(/certificates/\?issuer=[^"]+)">([\d,]+)\+?</a>')


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Without an organisation every page leads to the first run."""


def sums_of(client: Client, person: User) -> list[int]:
    """Every number of the page, each compared with the list that it leads to."""
    client.force_login(person)
    found = CELL.findall(re.sub(r">\s+|\s+<", lambda m: m[0].strip(), client.get("/issuers/").text))
    for url, number in found:
        assert client.get(url.replace("&amp;", "&")).context["count"].number == int(number), url
    return [int(number) for _url, number in found]


def test_numbers_stay_true_after_every_change(
    client: Client, administrator: User, operator: User, stranger: User, web_team: Team, other_team: Team
) -> None:
    old, new = issue("a.example.org"), issue("a.example.org", days_old=1)
    note({spot("192.0.2.1", "a.example.org"): [old], spot("192.0.2.2", "b.example.org"): [issue("b.example.org")]})
    assert sums_of(client, administrator)[:2] == [2, 2]
    pks = list(Certificate.objects.order_by("pk").values_list("pk", flat=True))
    assign_owner(pks[:1], web_team, None, "ours", actor=administrator, now=NOW)
    assign_owner(pks[1:], other_team, None, "theirs", actor=administrator, now=NOW)
    assert [sums_of(client, person)[:2] for person in (administrator, operator)] == [[2, 2], [1, 1]]
    note({spot("192.0.2.1", "a.example.org"): [new]}, NOW + DAY)
    assert sums_of(client, administrator)[:2] == [3, 2]
    retire_certificate(Certificate.objects.get(pk=pks[0]), "replaced", actor=administrator, now=NOW + DAY)
    assert sums_of(client, administrator)[:2] == [2, 2]
    assert sums_of(client, operator)[:2] == [1, 1]
    assert recount() == []


def test_issuers_are_those_of_visible_certificates_with_their_counts(
    operator: User, web_team: Team, other_team: Team
) -> None:
    make_certificate(issuer="Shared CA", owner_team=web_team)
    make_certificate(issuer="Shared CA", owner_team=other_team)
    make_certificate(issuer="Payments CA", owner_team=other_team)
    recount()
    found: Any = filters.issuers("", operator, NOW).queryset
    assert [(issuer.label, issuer.signed) for issuer in found] == [("Shared CA", 1)]
    assert not filters.issuers("q=payments", operator, NOW).queryset.exists()


def test_time_alone_and_authorities_are_counted_as_the_list_does(
    client: Client, administrator: User, operator: User, other_team: Team, today: datetime
) -> None:
    for days_left in (-2, 1, 5, 29, 80):
        make_certificate(days_left=days_left, nodes_serving=1, now=today)
        make_certificate(days_left=days_left, nodes_serving=1, now=today, owner_team=other_team)
        make_certificate(days_left=days_left, now=today)
    make_certificate(days_left=3, nodes_serving=1, now=today, revoked_at=today - DAY)
    make_certificate(days_left=3, nodes_serving=1, now=today, retired_at=today - DAY)
    make_certificate("An authority", days_left=3, kind="ca", is_ca=True, nodes_serving=1, now=today)
    recount()
    assert sums_of(client, administrator) == [17, 12, 7, 2]
    assert sums_of(client, operator) == [12, 7, 4, 1]


def test_the_next_end_is_of_what_is_in_use_and_seen(administrator: User, operator: User, other_team: Team) -> None:
    issuer = make_issuer()
    make_certificate(days_left=9, nodes_serving=1, issuer=issuer)
    make_certificate(days_left=5, nodes_serving=1, issuer=issuer, owner_team=other_team)
    make_certificate(days_left=1, issuer=issuer)
    make_certificate(days_left=-1, nodes_serving=1, issuer=issuer)
    for person, days in ((administrator, 5), (operator, 9)):
        assert issuer_sums([issuer], person, NOW)[issuer.pk].next_end == NOW + timedelta(days=days)


def test_leaves_and_authorities_that_end_next_stand_in_one_order(as_administrator: Client, today: datetime) -> None:
    issuer = make_issuer()
    for days_left in range(1, 13):
        make_certificate(f"leaf-{days_left}", days_left=2 * days_left, issuer=issuer, now=today)
    make_certificate("An authority", days_left=5, kind="ca", issuer=issuer, now=today)
    make_certificate("Without an end", not_after=None, issuer=issuer, now=today)
    ends = [row.certificate.name for row in as_administrator.get(f"/issuers/{issuer.pk}/").context["next"]]
    assert ends[:4] == ["leaf-1", "leaf-2", "An authority", "leaf-3"]
    assert len(ends) == 10


def test_what_is_too_much_to_count_says_so(administrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "MOST_COUNTED", 2)
    issuer = make_issuer()
    for number in range(3):
        make_certificate(days_left=-1, nodes_serving=1, issuer=issuer)
        make_certificate(days_left=1 if number else 80, nodes_serving=1, issuer=issuer)
    found = issuer_sums([issuer], administrator, NOW)[issuer.pk]
    assert (found.expired, found.expiring) == (Count(2, exact=False), Count(2))
    assert found.expired.shown == "2+"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="asks SQLite for its plan")
def test_the_sums_of_issuers_read_no_row_of_the_estate(administrator: User) -> None:
    make_certificate(nodes_serving=1)
    with CaptureQueriesContext(connection) as captured:
        issuer_sums(list(Issuer.objects.all()), administrator, NOW)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[-1]['sql']}")
        plan = [row[3] for row in cursor.fetchall() if "inventory_certificate" in row[3] or "U0" in row[3]]
    assert len(plan) == 3
    assert all("USING COVERING INDEX cert_in_use_by_issuer" in step for step in plan), plan
