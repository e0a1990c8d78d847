"""Facets stay as short, and as cheap, however many issuers, tags and certificates there are."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation, User
from inventory import filters
from inventory.filters import base, facets
from inventory.filters.facets import MOST_OPTIONS, Facet
from inventory.models import Certificate, Tag
from inventory.models.totals import ISSUER
from inventory.services import most, recount
from tests.inventory.factories import make_certificate

ISSUERS = 15


@pytest.fixture
def as_auditor(client: Client, organisation: Organisation, auditor: User) -> Client:
    client.force_login(auditor)
    return client


@pytest.fixture
def estate(db: None) -> None:
    """Fifteen authorities, the first with two certificates, each certificate with tags of its own."""
    now = timezone.now()
    for n in range(ISSUERS + 1):
        add(n, now)
    recount()


def add(n: int, now: datetime) -> Certificate:
    row = make_certificate(f"n{n}.example.org", issuer=f"CA {n % ISSUERS:02}", risks=["weak_key"], now=now)
    row.tags.add(Tag.objects.create(name=f"tag {n:02}"))
    return row


def facet(client: Client, param: str, query: str = "") -> Facet:
    found: list[Facet] = client.get(f"/certificates/?{query}").context["facets"]
    return next(each for each in found if each.param == param)


@pytest.mark.usefixtures("estate")
@pytest.mark.parametrize("query", ["", "risk=weak_key"])
def test_issuers_are_the_most_frequent_and_a_number_of_others(query: str, as_auditor: Client) -> None:
    issuers = facet(as_auditor, "issuer", query)
    assert len(issuers.options) == MOST_OPTIONS
    assert issuers.more == ISSUERS - MOST_OPTIONS
    assert (issuers.options[0].words, issuers.options[0].count) == ("CA 00", 2)


@pytest.mark.usefixtures("estate")
def test_of_the_whole_list_only_the_issuers_that_are_shown_are_read(auditor: User) -> None:
    found = most(auditor, ISSUER, 3)
    assert (len(found.counts), found.others, found.others_count) == (3, ISSUERS - 3, ISSUERS + 1 - 4)
    assert max(found.counts.values()) == 2
    assert most(auditor, ISSUER, 100).others == 0


@pytest.mark.usefixtures("estate")
def test_tags_are_counted_up_to_a_limit_and_what_is_chosen_always(
    as_auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "MOST_VALUES", 10)
    tags = facet(as_auditor, "tag", "tag=tag 15")
    assert [(tags.options[0].value, tags.options[0].count, tags.options[0].chosen)] == [("tag 15", 1, True)]
    assert (len(tags.options), tags.more) == (MOST_OPTIONS, 3)


@pytest.mark.usefixtures("estate")
def test_where_too_many_rows_match_names_are_offered_without_reading_the_rows(
    as_auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (base, facets):
        monkeypatch.setattr(module, "MOST_COUNTED", 5)
    monkeypatch.setattr(base.count_up_to, "__defaults__", (5,))
    with CaptureQueriesContext(connection) as captured:
        tags, risks = facet(as_auditor, "tag"), facet(as_auditor, "risk")
    assert [option.value for option in tags.options] == [f"tag {n:02}" for n in range(MOST_OPTIONS)]
    assert {option.count for option in (*tags.options, *risks.options)} == {None}
    assert len(risks.options) == MOST_OPTIONS
    assert not [query["sql"] for query in captured if "DISTINCT" in query["sql"]]


@pytest.mark.django_db
def test_no_list_costs_more_queries_in_a_larger_estate(as_auditor: Client) -> None:
    counts = []
    for size in (3, 40):
        for n in range(size):
            add(1000 * size + n, timezone.now())
        recount()
        with CaptureQueriesContext(connection) as captured:
            assert as_auditor.get("/certificates/").status_code == 200
        counts.append(len(captured))
    # Two more to count the issuers that are not shown.
    assert counts[1] <= counts[0] + 2


@pytest.mark.usefixtures("estate")
def test_few_rows_are_found_once_and_many_are_not(auditor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    found = filters.certificates({"risk": "weak_key"}, auditor, timezone.now())
    few = found.settled()
    assert set(few.queryset) == set(found.queryset)
    assert few.count() == found.count() == base.Count(ISSUERS + 1)
    monkeypatch.setattr(base, "MOST_COUNTED", 3)
    many = filters.certificates({"kind": "any"}, auditor, timezone.now()).settled()
    assert many.count() == base.Count(3, exact=False)
    assert many.queryset.count() == ISSUERS + 1
    nothing = filters.certificates({"risk": "no such"}, auditor, timezone.now()).settled()
    assert (list(nothing.queryset), nothing.count()) == ([], base.Count(0))
