"""Findings as files: the rows of the list, inert, and nothing of other teams."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Team, User
from policy.models import Finding
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(operator: User, organisation: Any, web_team: Team, other_team: Team, today: datetime) -> Client:
    mine = make_certificate("=cmd.example.org", owner_team=web_team, now=today)
    theirs = make_endpoint("192.0.2.9", server_name="theirs.example.org", owner_team=other_team, now=today)
    common: dict[str, Any] = {"opened_at": today, "confirmed_at": today}
    Finding.objects.create(rule="expiring", severity=3, sentence="=1+1 ends soon", certificate=mine, **common)
    Finding.objects.create(rule="weak_key", severity=4, sentence="short", certificate=mine, **common)
    Finding.objects.create(rule="wrong_name", severity=4, sentence="their secret", endpoint=theirs, **common)
    client = Client()
    client.force_login(operator)
    return client


def body(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def test_the_rows_of_the_list_are_written_worst_first_and_inert(client: Client) -> None:
    text = body(client.get("/findings/export.csv"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["rule"] for row in rows] == ["weak_key", "expiring"]
    assert rows[1]["sentence"] == "'=1+1 ends soon"
    assert rows[1]["name"] == "'=cmd.example.org"
    assert rows[1]["owner_team"] == "web"
    assert "secret" not in text
    assert AuditEvent.objects.get().verb == "inventory.exported"


def test_the_filter_is_that_of_the_list(client: Client) -> None:
    found = json.loads(body(client.get("/findings/export.json?severity=4&view=all")))
    assert [row["rule"] for row in found["findings"]] == ["weak_key"]
    response = client.get("/findings/export.csv?nonsense=1")
    assert response.status_code == 422
    assert "no such filter" in response.content.decode()


def test_many_rows_cost_no_more_queries(client: Client, today: datetime, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        about = make_certificate(f"{number}.example.org", owner_team=Team.objects.get(slug="web"), now=today)
        Finding.objects.create(
            rule="expiring", severity=2, sentence="x", certificate=about, opened_at=today, confirmed_at=today
        )
    with django_assert_max_num_queries(15):
        assert body(client.get("/findings/export.csv")).count("\n") == 33
