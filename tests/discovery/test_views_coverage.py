"""What the last scans proved, on the pages: green is for what answered, and nothing else."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation, Team, User
from discovery.models import Coverage, Network, Source
from discovery.services import default_zone
from tests.discovery.permitting import permit

HTMX = {"HX-Request": "true"}
# The only word that stands beside the green mark.
GREEN = re.compile(r">covered<|covered:")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Somebody has been here."""


def source(name: str, team: Team | None = None, **proved: Any) -> Source:
    row = Source.objects.create(
        name=name, kind="hosts", targets="10.0.0.1", zone=default_zone(), owner_team=team, created_at=timezone.now()
    )
    if proved:
        prove(source=row, **proved)
    return row


def prove(at: datetime | None = None, **columns: Any) -> None:
    at = at or timezone.now()
    Coverage.objects.create(began_at=at, ended_at=at, **columns)


def page(client: Client, user: User, url: str) -> str:
    client.force_login(user)
    return client.get(url).content.decode()


@pytest.mark.parametrize(
    ("proved", "said"),
    [
        ({}, "never scanned"),
        ({"answered": 0}, "unproven"),
        ({"answered": 2, "known": 3, "missed": 1}, "1 of 3 places known to exist"),
        ({"answered": 2, "error": "<b>no"}, "&lt;b&gt;no"),
    ],
)
def test_what_is_not_covered_is_never_green(
    proved: dict[str, Any], said: str, client: Client, administrator: User
) -> None:
    source("Web servers", **proved)
    for url in ("/discovery/", "/discovery/coverage/"):
        text = page(client, administrator, url)
        assert said in text
        assert not GREEN.search(text)


def test_what_answered_in_time_is_green_and_then_late(client: Client, administrator: User) -> None:
    row = source("Web servers", answered=3, known=3)
    assert GREEN.search(page(client, administrator, "/discovery/"))
    Coverage.objects.filter(source=row).update(ended_at=timezone.now() - timedelta(days=3))
    text = page(client, administrator, "/discovery/")
    assert not GREEN.search(text)
    assert "overdue by more than its interval" in text


def test_networks_say_what_was_proved_of_them(client: Client, viewer: User) -> None:
    network = permit("10.0.0.0/8", actor=None, now=timezone.now())
    permit("10.9.0.0/16", actor=None, now=timezone.now(), is_excluded=True)
    assert page(client, viewer, "/discovery/networks/").count("never scanned") == 1
    prove(network=network, answered=0)
    text = page(client, viewer, "/discovery/networks/")
    assert "unproven" in text
    assert not GREEN.search(text)
    Coverage.objects.update(answered=5, known=5)
    assert GREEN.search(page(client, viewer, "/discovery/networks/"))


def test_sources_of_other_teams_are_not_told(client: Client, operator: User, web_team: Team, other_team: Team) -> None:
    source("ours", web_team)
    source("theirs", other_team)
    text = page(client, operator, "/discovery/coverage/")
    assert "ours" in text
    assert "theirs" not in text


def test_the_panel_shows_the_worst_first_and_links_to_the_rest(client: Client, administrator: User) -> None:
    source("good", answered=1, known=1)
    source("paused", answered=1)
    Source.objects.filter(name="paused").update(enabled=False)
    for number in range(4):
        source(f"new {number}")
    source("broken", error="no permission")
    client.force_login(administrator)
    answer = client.get("/discovery/coverage/", headers=HTMX)
    assert [line.row.name for _, line in answer.context["shown"]] == ["broken", "new 0", "new 1", "new 2"]
    text = answer.content.decode()
    assert "2 more are not covered" in text
    assert "<html" not in text
    whole = page(client, administrator, "/discovery/coverage/")
    assert whole.index("broken") < whole.index("new 3") < whole.index("paused") < whole.index("Source good")


def test_the_panel_says_when_all_is_covered_and_when_nothing_looks(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    assert "Nothing is looked at by itself" in client.get("/discovery/coverage/", headers=HTMX).content.decode()
    source("good", answered=1, known=1)
    text = client.get("/discovery/coverage/", headers=HTMX).content.decode()
    assert "Every source and network answered in time" in text


@pytest.mark.parametrize("url", ["/discovery/", "/discovery/coverage/", "/discovery/networks/"])
def test_more_sources_and_networks_cost_no_more_queries(url: str, client: Client, administrator: User) -> None:
    client.force_login(administrator)

    def count(first: int) -> int:
        for number in range(first, first + 5):
            source(f"source {number}", answered=1)
            network = permit(f"10.0.{number}.0/24", actor=None, now=timezone.now())
            prove(network=network, answered=1)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    count(0)
    assert count(10) == count(20)
    assert Network.objects.count() == 15
