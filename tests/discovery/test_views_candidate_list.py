"""The page of open ports without TLS: who sees which, a page at a time, and what is said when there is none."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from discovery.models import Candidate, Scan, ScanShard, Source
from discovery.services import CANDIDATES_KEPT, default_zone, forget_candidates
from discovery.views.candidates import SHOWN
from inventory.addresses import pack
from tests.conftest import NOW

URL = "/discovery/open-ports/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Somebody has been here."""


def make_scan(title: str, team: Team | None = None) -> Scan:
    source = Source.objects.create(
        name=title, kind="network", targets="127.0.0.0/24", zone=default_zone(), owner_team=team, created_at=NOW
    )
    return Scan.objects.create(
        title=title, source=source, zone=default_zone(), created_at=NOW, failed=1, asked=1, status="done"
    )


def found(scan: Scan, *ports: int, at: datetime = NOW) -> list[int]:
    """Open ports that a sweep of this scan found, as primary keys."""
    rows = Candidate.objects.bulk_create(
        Candidate(
            address=pack("127.0.0.1"), port=port, reason="not_tls", detail="SSH <b>", scan=scan, first_seen_at=NOW,
            last_seen_at=at + timedelta(seconds=port),
        )
        for port in ports
    )  # fmt: skip
    keys = [row.pk for row in rows]
    ScanShard.objects.create(
        scan=scan, number=scan.shards.count(), asked=1, total=1, created_at=NOW, status="done", candidates=keys
    )
    return keys


def page(client: Client, user: User, url: str = URL) -> str:
    client.force_login(user)
    return client.get(url).content.decode()


def test_each_person_sees_what_the_scans_they_see_found(
    client: Client, viewer: User, stranger: User, auditor: User, web_team: Team, other_team: Team
) -> None:
    found(make_scan("ours", web_team), 7001)
    found(make_scan("theirs", other_team), 7002)
    found(make_scan("nobody's"), 7003)
    for person, ports in ((viewer, {7001}), (stranger, {7002}), (auditor, {7001, 7002, 7003})):
        text = page(client, person)
        assert {port for port in (7001, 7002, 7003) if f"127.0.0.1:{port}" in text} == ports
        assert f"{len(ports)} open port" in text
        coverage = page(client, person, "/discovery/coverage/")
        assert re.search(rf'href="{URL}">\s*{len(ports)} open port', coverage)
        assert "SSH &lt;b&gt;" in text


def test_pages_follow_each_other_without_a_gap_newest_first(client: Client, auditor: User) -> None:
    found(make_scan("sweep"), *range(1, 2 * SHOWN + 2))
    client.force_login(auditor)
    ports, url, answer = [], URL, None
    while url:
        answer = client.get(url)
        ports += [row.port for row in answer.context["candidates"]]
        url = answer.context["page"]["next_url"] and URL + answer.context["page"]["next_url"]
    assert ports == list(range(2 * SHOWN + 1, 0, -1))
    assert answer is not None
    assert 'rel="prev"' in answer.content.decode()


def test_a_damaged_link_leads_to_the_first_page_and_says_so(client: Client, auditor: User) -> None:
    found(make_scan("sweep"), 7001)
    text = page(client, auditor, f"{URL}?after=nonsense")
    assert "is damaged" in text
    assert "127.0.0.1:7001" in text


def test_none_is_said_with_what_else_to_look_at(client: Client, viewer: User) -> None:
    text = page(client, viewer)
    assert "No open port without TLS was found last by a scan that you see" in text
    assert "<table" not in text
    assert re.search(r"0 open ports without TLS", page(client, viewer, "/discovery/coverage/"))


def test_what_became_an_endpoint_is_only_on_the_page_of_its_scan(client: Client, auditor: User) -> None:
    scan = make_scan("sweep")
    found(scan, 7001)
    Candidate.objects.update(became_endpoint_at=NOW)
    assert "127.0.0.1:7001" not in page(client, auditor)
    text = page(client, auditor, f"{URL}?scan={scan.pk}")
    assert "127.0.0.1:7001" in text
    assert "an endpoint since" in text


@pytest.mark.parametrize("wrong", ["0", "x", "-1", "9" * 30, "٣"])
def test_the_scan_must_be_one_that_the_person_sees(
    wrong: str, client: Client, viewer: User, other_team: Team, web_team: Team
) -> None:
    theirs, ours = make_scan("theirs", other_team), make_scan("ours", web_team)
    client.force_login(viewer)
    assert client.get(f"{URL}?scan={ours.pk}").status_code == 200
    assert client.get(f"{URL}?scan={theirs.pk}").status_code == 404
    assert client.get(f"{URL}?scan={wrong}").status_code == 404


def test_what_was_forgotten_is_counted_still(client: Client, auditor: User) -> None:
    """What a scan counted stays true; only the lines are no longer there."""
    scan = make_scan("sweep")
    found(scan, 7001, 7002)
    found(scan, 7003, at=NOW + timedelta(days=1))
    assert forget_candidates(NOW + CANDIDATES_KEPT + timedelta(hours=12)) == 2
    for url in (f"/discovery/scans/{scan.pk}/", f"{URL}?scan={scan.pk}"):
        text = page(client, auditor, url)
        assert "2 are no longer kept: they were not seen open for 90 days." in text
        assert "127.0.0.1:7003" in text
        assert "127.0.0.1:7001" not in text
    assert "3 open ports that did not speak TLS" in page(client, auditor, f"/discovery/scans/{scan.pk}/")
    forget_candidates(NOW + CANDIDATES_KEPT + timedelta(days=2))
    assert "3 are no longer kept" in page(client, auditor, f"{URL}?scan={scan.pk}")


@pytest.mark.parametrize("of", ["all", "scan"])
def test_more_of_them_cost_no_more_queries(of: str, client: Client, viewer: User, web_team: Team) -> None:
    client.force_login(viewer)
    scan = make_scan("ours", web_team)
    url = f"{URL}?scan={scan.pk}" if of == "scan" else URL

    def count(*ports: int) -> int:
        found(scan, *ports)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    count(1)
    assert count(2, 3, 4) == count(*range(5, 5 + 2 * SHOWN))
