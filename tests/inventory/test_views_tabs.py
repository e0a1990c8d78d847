"""The tabs of the list of certificates: each says what the list behind it says."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from inventory.models import Certificate
from inventory.services import recount
from tests.inventory.factories import make_certificate

TABS = ["All", "In use", "Expired, in use", "Expiring, in use", "No owner"]


def make_estate(now: datetime, *teams: Team | None) -> None:
    """Per team: three expired and two expiring in use, one of each in use by nobody, one in date."""
    for team in teams:
        for days_left, nodes in [(-40, 1), (-1, 2), (-0.001, 1), (2, 1), (20, 1), (-3, 0), (3, 0), (80, 1)]:
            make_certificate(days_left=days_left, nodes_serving=nodes, owner_team=team, now=now)
    recount()


def counts(client: Client, query: str = "") -> dict[str, object]:
    tabs = client.get(f"/certificates/{query}").context["tabs"]
    return {tab["label"]: tab["count"] for tab in tabs}


def test_each_tab_says_how_many_its_list_shows(
    client: Client, organisation: Organisation, viewer: User, web_team: Team, other_team: Team, today: datetime
) -> None:
    make_estate(today, web_team, other_team, None)
    client.force_login(viewer)
    assert counts(client) == dict(zip(TABS, [16, 12, 6, 4, 8], strict=True))
    for tab in client.get("/certificates/").context["tabs"]:
        page = client.get(f"/certificates/{tab['url']}")
        assert page.context["count"].number == tab["count"], tab["label"]
        assert [each["active"] for each in page.context["tabs"]] == [label == tab["label"] for label in TABS]


def test_a_revoked_certificate_is_in_the_count_of_neither(
    client: Client, organisation: Organisation, auditor: User, today: datetime
) -> None:
    make_estate(today, None)
    Certificate.objects.update(revoked_at=today)
    client.force_login(auditor)
    assert counts(client) == dict(zip(TABS, [8, 6, 0, 0, 8], strict=True))


def test_where_nothing_is_known_each_tab_says_so(client: Client, organisation: Organisation, auditor: User) -> None:
    client.force_login(auditor)
    assert counts(client) == dict.fromkeys(TABS, 0)


def test_what_was_asked_wrongly_changes_no_count(
    client: Client, organisation: Organisation, auditor: User, today: datetime
) -> None:
    make_estate(today, None)
    client.force_login(auditor)
    before = counts(client)
    assert counts(client, "?in_use=yes&status=expired&after=damaged") == before
    assert counts(client, "?stauts=expired") == before


def test_too_many_are_counted_only_up_to_a_limit(
    client: Client, organisation: Organisation, auditor: User, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.views.certificates.MOST_IN_A_TAB", 2)
    make_estate(today, None)
    client.force_login(auditor)
    assert [counts(client)[label] for label in ("Expired, in use", "Expiring, in use")] == ["2+", 2]


def test_the_tabs_need_no_more_queries_when_the_estate_grows(
    client: Client, organisation: Organisation, auditor: User, today: datetime
) -> None:
    client.force_login(auditor)
    counts(client)
    numbers = []
    for _ in range(2):
        make_estate(today, *[None] * 4)
        with CaptureQueriesContext(connection) as captured:
            counts(client, "?q=www")
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
