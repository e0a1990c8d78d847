from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from inventory import filters
from inventory.models import Domain
from inventory.services import recount
from inventory.services.domains import sort_into_domains
from inventory.snapshot import domains as snapshot
from tests.inventory.factories import make_certificate, make_endpoint
from tests.inventory.test_views_certificate import words


def _sorted(now: datetime) -> None:
    sort_into_domains(lambda: now)
    recount()


@pytest.fixture
def estate(web_team: Team, other_team: Team, today: datetime) -> None:
    make_certificate(
        "www.example.org", names=["*.example.org"], now=today, days_left=5, owner_team=web_team, nodes_serving=1,
        risks=["expiring"], issuer="One CA",
    )  # fmt: skip
    make_certificate("pay.example.org", now=today, days_left=50, owner_team=other_team, issuer="Two CA")
    make_certificate("shop.xn--bcher-kva.de", now=today, days_left=-3, owner_team=other_team)
    make_certificate("printer", names=["192.0.2.9"], now=today)
    _sorted(today)


def test_the_list_says_of_each_domain_what_stands_under_it(as_administrator: Client, estate: None) -> None:
    page = words(as_administrator.get("/domains/"))
    assert "bücher.de xn--bcher-kva.de" in page
    assert "Single names and addresses internal names" in page
    assert re.search(r"example\.org 2 1 in \d days high 2 2 1", page), page
    assert "all have ended" in page


def test_each_number_of_a_domain_is_that_of_its_list(
    as_administrator: Client, administrator: User, estate: None, today: datetime
) -> None:
    html = as_administrator.get("/domains/").text
    html += as_administrator.get(f"/domains/{Domain.objects.get(name='example.org').pk}/").text
    links = re.findall(r'href="/certificates/\?([^"]*domain=[^"]*)"[^>]*>\s*([\d,]+)', html)
    assert len(links) >= 10
    for query, number in links:
        found = filters.certificates(query.replace("&amp;", "&"), administrator, today)
        assert not found.errors
        assert found.queryset.count() == int(number), query


def test_a_person_sees_only_what_is_theirs_of_a_domain(client: Client, stranger: User, estate: None) -> None:
    client.force_login(stranger)
    page = words(client.get("/domains/"))
    assert re.search(r"example\.org 1 0 in 49 days none known 1 1 0", page), page
    detail = words(client.get(f"/domains/{Domain.objects.get(name='example.org').pk}/"))
    assert "pay.example.org" in detail
    assert "www.example.org" not in detail
    assert "One CA" not in detail


def test_a_domain_of_others_is_not_there(client: Client, operator: User, estate: None) -> None:
    client.force_login(operator)
    hidden = Domain.objects.get(name="xn--bcher-kva.de")
    assert client.get(f"/domains/{hidden.pk}/").status_code == 404
    assert "bcher" not in client.get("/domains/").text


def test_names_say_what_covers_them(as_administrator: Client, estate: None, today: datetime) -> None:
    wild = make_certificate("*.example.org", now=today, days_left=70, nodes_serving=1)
    make_endpoint("192.0.2.30", server_name="intern.example.org", certificate=wild, now=today)
    _sorted(today)
    page = words(as_administrator.get(f"/domains/{Domain.objects.get(name='example.org').pk}/"))
    assert re.search(r"intern\.example\.org \*\.example\.org in date, in \d+ days", page), page
    wild_row = r"Hosts \*\.example\.org \*\.example\.org in date, in \d+ days intern\.example\.org, pay\.example\.org"
    assert re.search(wild_row, page), page


def test_the_list_is_sorted_searched_and_narrowed_to_a_team(as_administrator: Client, estate: None) -> None:
    def names(query: str) -> list[str]:
        return re.findall(r'data-row-link[^>]*title="([^"]*)"', as_administrator.get(f"/domains/?{query}").text)

    assert names("") == ["-", "example.org", "xn--bcher-kva.de"]
    assert names("sort=-certificates")[0] == "example.org"
    assert names("q=BÜCHER.de") == ["xn--bcher-kva.de"]
    assert names("team=web") == ["example.org"]
    assert names("team=none") == ["-"]
    assert as_administrator.get("/domains/?team=web&nonsense=1").status_code == 422
    page = words(as_administrator.get("/domains/?team=web"))
    assert re.search(r"example\.org 1 1 in \d days", page)


def test_what_is_not_sorted_yet_is_said(as_administrator: Client, estate: None, today: datetime) -> None:
    make_certificate("late.example.com", now=today)
    assert "1 certificate is not yet sorted" in words(as_administrator.get("/domains/"))
    _sorted(today)
    assert "not yet sorted" not in words(as_administrator.get("/domains/"))


def test_a_large_domain_is_not_read_for_a_line(
    as_administrator: Client, estate: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_READ", 1)
    monkeypatch.setattr("inventory.views.domains.MOST_READ", 1)
    page = words(as_administrator.get("/domains/"))
    assert "example.org 2 1 read on its own page: more than 1" in page
    detail = words(as_administrator.get(f"/domains/{Domain.objects.get(name='example.org').pk}/"))
    assert "Too many certificates to count who signed them" in detail


def test_hostile_names_do_no_harm(as_administrator: Client, today: datetime) -> None:
    make_certificate("<script>alert(1)</script>.example.org", names=["=cmd.example.org", "a_b.example.org"], now=today)
    _sorted(today)
    detail = as_administrator.get(f"/domains/{Domain.objects.get(name='example.org').pk}/").text
    assert "<script>alert" not in detail
    assert "a_b.example.org" in detail


def test_the_queries_of_the_list_do_not_grow(as_administrator: Client, today: datetime) -> None:
    counts = []
    as_administrator.get("/domains/")  # fills what lives as long as the process
    for begin, end in ((0, 3), (3, 24)):
        for number in range(begin, end):
            make_certificate(f"www.example-{number}.org", now=today)
        _sorted(today)
        with CaptureQueriesContext(connection) as asked:
            as_administrator.get("/domains/")
        counts.append(len(asked))
    assert counts[0] == counts[1]
