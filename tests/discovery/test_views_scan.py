"""The page of a scan, as somebody reads it who was not there: numbers that add up, and no more than was seen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation, Team, User
from discovery.models import Observation, Scan, Source
from discovery.services import default_zone
from discovery.views.scans import FINDS, LISTED
from tests.inventory.factories import make_certificate, make_chain, make_endpoint

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def as_auditor(client: Client, auditor: User, organisation: Organisation) -> Client:
    client.force_login(auditor)
    return client


def make_scan(**columns: Any) -> Scan:
    began = timezone.now() - HOUR
    ended = {"status": "done", "started_at": began, "finished_at": began + timedelta(seconds=90)}
    return Scan.objects.create(**{"title": "sweep", "zone": default_zone(), "created_at": began, **ended, **columns})


def find(scan: Scan, address: str, team: Team | None = None) -> None:
    certificate = make_certificate(f"{address}.example.org", owner_team=team)
    endpoint = make_endpoint(address, certificate=certificate, owner_team=team)
    Observation.objects.create(
        endpoint=endpoint, outcome="served", chain=make_chain(certificate), scan=scan, first_seen_at=scan.created_at,
        last_seen_at=scan.created_at,
    )  # fmt: skip


def read(client: Client, scan: Scan) -> str:
    """The words of the page, without marks."""
    page = client.get(f"/discovery/scans/{scan.pk}/").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_all_that_was_asked_has_an_answer_and_the_reasons_add_up(as_auditor: Client) -> None:
    reasons = {"excluded": 400, "not_tls": 3, "refused": 20, "silent": 70}
    scan = make_scan(asked=500, answered=7, refused=20, silent=70, excluded=400, failed=3, reasons=reasons)
    page = read(as_auditor, scan)
    assert "100 % 500 of 500 places" in page
    assert "No certificate, by reason 493 places" in page
    # 100 places in 90 seconds: what is excluded is not asked.
    assert "1 per second" in page
    assert "took 90 s" in page


def test_a_slow_scan_is_not_said_to_stand_still(as_auditor: Client) -> None:
    page = read(as_auditor, make_scan(asked=2, answered=2))
    assert "less than 1 per second" in page


def test_what_was_not_tried_is_not_promised_once_it_has_ended(as_auditor: Client, administrator: User) -> None:
    scan = make_scan(asked=10, answered=2, refused=1, status="cancelled", cancelled_by=administrator)
    page = read(as_auditor, scan)
    assert "not tried yet" not in page
    assert "not tried 7" in page
    assert "cancelled by ada@example.org" in page
    assert "It ended before it had asked everywhere" in page
    Scan.objects.update(status="running", finished_at=None, cancelled_by=None)
    assert "not tried yet 7" in read(as_auditor, scan)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"asked": 5, "answered": 2, "silent": 3}, "Nothing was different from the look before."),
        ({"asked": 5, "silent": 5}, "Nothing answered."),
        ({"asked": 5, "excluded": 5, "status": "failed", "error": "is in no network"}, "is in no network"),
    ],
)
def test_what_it_found_is_said_as_it_was(columns: dict[str, Any], said: str, as_auditor: Client) -> None:
    page = read(as_auditor, make_scan(**columns))
    sentences = ("Nothing was different from the look before.", "Nothing answered.", "It ended before")
    assert said in page
    assert [sentence for sentence in sentences if sentence in page] == [said] * (said in sentences)


def test_what_others_own_is_not_called_unchanged(
    client: Client, operator: User, other_team: Team, web_team: Team, organisation: Organisation
) -> None:
    source = Source.objects.create(
        name="Web", kind="network", targets="127.0.0.1", zone=default_zone(), owner_team=web_team,
        created_at=timezone.now(),
    )  # fmt: skip
    scan = make_scan(source=source, asked=1, answered=1)
    find(scan, "127.0.0.1", other_team)
    client.force_login(operator)
    page = read(client, scan)
    assert "What changed is at endpoints that other teams own." in page
    assert "127.0.0.1" not in page


def test_only_so_many_changes_are_shown_and_that_is_said(as_auditor: Client) -> None:
    scan = make_scan(asked=FINDS + 1, answered=FINDS + 1)
    for number in range(FINDS):
        find(scan, f"127.0.0.{number}")
    assert "newest first" in read(as_auditor, scan)
    find(scan, "127.0.1.1")
    page = as_auditor.get(f"/discovery/scans/{scan.pk}/")
    assert f"the newest {FINDS}" in page.content.decode()
    assert len(page.context["finds"]) == FINDS


def test_a_scan_that_nobody_works_on_says_so(as_auditor: Client) -> None:
    scan = make_scan(asked=3, status="queued", started_at=None, finished_at=None)
    page = read(as_auditor, scan)
    assert "asked for 60 min ago" in page
    assert "No worker works on it now, so nothing is asked." in page
    assert "No worker works" not in read(as_auditor, make_scan(asked=3))


def test_the_list_of_scans_says_that_there_are_more_and_costs_the_same(as_auditor: Client) -> None:
    def count(scans: int) -> int:
        for _ in range(scans):
            make_scan(plan={"targets": "127.0.0.1\n" * 100})
        with CaptureQueriesContext(connection) as queries:
            page = as_auditor.get("/discovery/").content.decode()
        assert (f"the newest {LISTED}" in page) is (Scan.objects.count() > LISTED)
        assert not any('"plan"' in query["sql"] for query in queries)
        return len(queries)

    # The first page of a day notes the visit.
    count(1)
    assert count(1) == count(LISTED - 2) == count(1)
