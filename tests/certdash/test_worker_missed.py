"""Every page says in one line that no worker answers, to everybody, by one query."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import TickRun, User
from certdash.health import SIGN

pytestmark = pytest.mark.django_db

SAID = "No worker has answered"


def sign(name: str, *, minutes: int) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    TickRun.objects.create(name=name, started_at=at, finished_at=at)


@pytest.fixture
def known(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


@pytest.mark.parametrize("path", ["/", "/certificates/", "/profile/"])
def test_a_worker_that_ended_is_told_with_the_time_of_its_last_sign(known: Client, path: str) -> None:
    sign("heartbeat", minutes=30)
    sign(SIGN, minutes=29)
    last = TickRun.objects.get(name=SIGN).finished_at
    assert last is not None
    page = known.get(path).text
    assert page.count(f"{SAID} since") == 1
    assert f'datetime="{last.isoformat(timespec="seconds")}"' in page.partition(SAID)[2][:120]


def test_a_worker_that_answers_is_not_told(known: Client) -> None:
    sign("heartbeat", minutes=0)
    assert SAID not in known.get("/").text


def test_that_none_ever_ran_is_told_but_not_while_the_first_one_begins(known: Client) -> None:
    assert f"{SAID} yet" in known.get("/").text
    sign(SIGN, minutes=0)
    assert SAID not in known.get("/").text


def test_strangers_are_not_told(client: Client, viewer: User) -> None:
    sign("heartbeat", minutes=30)
    assert SAID not in client.get("/accounts/login/").text


def test_it_costs_one_query_and_a_fragment_none(known: Client) -> None:
    sign("heartbeat", minutes=30)
    known.get("/certificates/")
    for headers, queries in (({}, 1), ({"HX-Request": "true", "HX-Target": "list"}, 0)):
        with CaptureQueriesContext(connection) as asked:
            known.get("/certificates/", headers=headers)
        assert sum("accounts_tickrun" in query["sql"] for query in asked.captured_queries) == queries
