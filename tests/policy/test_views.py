"""Pages about findings: who sees which, what a link means, who may take one up."""

from __future__ import annotations

import re
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Organisation, Team, User
from inventory.filters import base, count_up_to
from inventory.models import Certificate, Endpoint
from policy.models import Finding
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Without an organisation every page leads to the first run."""


def make_finding(rule: str = "weak_key", severity: int = 3, **columns: object) -> Finding:
    values = {"sentence": f"About {rule}.", "opened_at": NOW, "confirmed_at": NOW, **columns}
    return Finding.objects.create(rule=rule, severity=severity, **values)


def ids(client: Client, url: str) -> set[int]:
    return {row["finding"].pk for row in client.get(url).context["rows"]}


@pytest.fixture
def estate(web_team: Team, other_team: Team) -> dict[str, Finding]:
    """One finding about a certificate and one about an endpoint, of each owner."""
    made = {}
    for at, (owner, team) in enumerate({"web": web_team, "payments": other_team, "nobody": None}.items()):
        certificate = make_certificate(f"{owner}.example.org", owner_team=team)
        node = make_endpoint(f"192.0.2.{at}", certificate=certificate, owner_team=team)
        made[owner] = make_finding(certificate=certificate)
        made[f"{owner} node"] = make_finding("old_tls", 2, endpoint=node)
    return made


def test_everybody_sees_findings_of_what_they_see(
    client: Client, estate: dict[str, Finding], auditor: User, viewer: User
) -> None:
    client.force_login(auditor)
    assert ids(client, "/findings/") == {finding.pk for finding in estate.values()}
    client.force_login(viewer)
    own = {finding.pk for owner, finding in estate.items() if not owner.startswith("payments")}
    assert ids(client, "/findings/") == own
    for owner, finding in estate.items():
        answer = client.get(f"/findings/{finding.pk}/")
        assert answer.status_code == (200 if finding.pk in own else 404), owner


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("team=web", {"web", "web node"}),
        ("team=none", {"nobody", "nobody node"}),
        ("team=web&team=none", {"web", "web node", "nobody", "nobody node"}),
        ("rule=old_tls", {"web node", "payments node", "nobody node"}),
        ("severity=3&team=payments", {"payments"}),
    ],
)
def test_filters_mean_what_they_say(
    query: str, wanted: set[str], client: Client, estate: dict[str, Finding], administrator: User
) -> None:
    client.force_login(administrator)
    assert ids(client, f"/findings/?{query}") == {estate[owner].pk for owner in wanted}


def test_closed_findings_are_shown_only_when_asked_for(client: Client, auditor: User) -> None:
    open_, closed = make_finding(certificate=make_certificate()), make_finding(certificate=make_certificate())
    Finding.objects.filter(pk=closed.pk).update(closed_at=NOW, closing="observed")
    client.force_login(auditor)
    assert ids(client, "/findings/") == {open_.pk}
    assert ids(client, "/findings/?state=closed") == {closed.pk}
    assert ids(client, "/findings/?state=any") == {open_.pk, closed.pk}


def test_moments_in_a_link_include_their_second(client: Client, auditor: User) -> None:
    finding = make_finding(certificate=make_certificate(), closed_at=NOW + timedelta(days=1), closing="observed")
    client.force_login(auditor)
    assert ids(client, "/findings/?state=any&opened_after=2026-11-23T09:41:00Z") == {finding.pk}
    assert ids(client, "/findings/?state=any&opened_after=2026-11-23T09:41:01Z") == set()
    assert ids(client, "/findings/?state=closed&closed_after=2026-11-24T09:41:00Z") == {finding.pk}


@pytest.mark.parametrize("query", ["severity=9", "rule=unheard", "team=unheard", "opened_after=soon", "state=lost"])
def test_what_is_not_understood_is_said_and_matches_nothing(query: str, client: Client, auditor: User) -> None:
    make_finding(certificate=make_certificate())
    client.force_login(auditor)
    answer = client.get(f"/findings/?{query}")
    assert not answer.context["rows"]
    assert 'class="error"' in answer.content.decode()


def test_pages_of_findings_lead_to_each_finding_once(client: Client, auditor: User) -> None:
    for n in range(120):
        make_finding(severity=1 + n % 4, certificate=make_certificate(f"n{n}.example.org"))
    client.force_login(auditor)
    seen: list[tuple[int, int]] = []
    url = "/findings/"
    while url:
        context = client.get(url).context
        seen += [(row["finding"].severity, row["finding"].pk) for row in context["rows"]]
        url = f"/findings/{following}" if (following := context["page"]["next_url"]) else ""
    assert len(seen) == len({pk for _, pk in seen}) == 120
    assert [severity for severity, _ in seen] == sorted((severity for severity, _ in seen), reverse=True)


def test_the_list_costs_the_same_number_of_queries_whatever_its_size(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    counts = []
    for number in (5, 60):
        for _ in range(number):
            certificate = make_certificate()
            make_finding(certificate=certificate)
            make_finding("old_tls", endpoint=make_endpoint(f"10.0.{number}.{_}", certificate=certificate))
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/findings/").status_code == 200
        counts.append(len(captured))
    assert counts[1] <= counts[0] <= 16


def test_a_count_that_stopped_at_its_limit_says_that_there_are_more(client: Client, auditor: User) -> None:
    for _ in range(3):
        make_finding(certificate=make_certificate())
    make_finding("ownerless", 1, certificate=make_certificate())
    client.force_login(auditor)
    limits = patch.object(base, "MOST_COUNTED", 2), patch("policy.filters.MOST_COUNTED", 2)
    with limits[0], limits[1], patch("policy.views.count_up_to", lambda found: count_up_to(found, 2)):
        page, fragment = (client.get("/findings/", headers=sent).content.decode() for sent in ({}, HTMX))
    assert "2+ open, 2+ high or critical" in page
    assert "2+ findings" in page
    assert "2+ findings found" in fragment
    exact = client.get("/findings/").content.decode()
    assert "4 open, 3 high or critical" in exact
    assert "4 findings" in exact


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "3 open, 2 high or critical"),
        ("rule=expired", "1 open, 1 high or critical"),
        ("rule=ownerless&team=none", "1 open, 0 high or critical"),
        ("state=closed", "1 closed, 1 high or critical"),
        ("state=any&rule=weak_key", "2 open and closed, 2 high or critical"),
    ],
)
def test_the_head_of_the_list_counts_what_the_list_shows(query: str, words: str, client: Client, auditor: User) -> None:
    make_finding("expired", 4, certificate=make_certificate())
    make_finding("ownerless", 1, certificate=make_certificate())
    make_finding("weak_key", 3, certificate=make_certificate())
    make_finding("weak_key", 3, certificate=make_certificate(), closed_at=NOW + timedelta(days=1), closing="observed")
    client.force_login(auditor)
    assert words in client.get(f"/findings/?{query}").content.decode()


def test_a_filter_that_is_not_understood_counts_nothing(client: Client, auditor: User) -> None:
    make_finding(certificate=make_certificate())
    client.force_login(auditor)
    assert "high or critical" not in client.get("/findings/?rule=lost").content.decode()


def test_a_moment_in_the_evidence_is_shown_as_one(client: Client, auditor: User) -> None:
    evidence = {"not after": "2026-10-14T06:27:20+00:00", "nodes that serve it": "3", "why": "2026-10-14"}
    finding = make_finding("expired", certificate=make_certificate(), evidence=evidence)
    client.force_login(auditor)
    page = client.get(f"/findings/{finding.pk}/").content.decode()
    assert ">14 Oct 2026, 06:27 UTC</time>" in page
    assert ">2026-10-14T06:27" not in re.sub(r">\s+", ">", page)
    assert ">2026-10-14</dd>" in re.sub(r"\s+", "", page)


def test_an_operator_takes_up_a_finding_of_their_team(
    client: Client, estate: dict[str, Finding], operator: User
) -> None:
    client.force_login(operator)
    answer = client.post(f"/findings/{estate['web'].pk}/acknowledge/", headers=HTMX)
    assert answer.status_code == 200
    assert b"<html" not in answer.content
    taken = Finding.objects.get(pk=estate["web"].pk)
    assert taken.acknowledged_by == operator
    assert AuditEvent.objects.filter(verb="finding.acknowledged", subject_id=str(taken.pk)).count() == 1


@pytest.mark.parametrize(("person", "status"), [("viewer", 403), ("auditor", 403), ("stranger", 404)])
def test_others_take_up_nothing(
    person: str, status: int, client: Client, estate: dict[str, Finding], request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    assert client.post(f"/findings/{estate['web'].pk}/acknowledge/").status_code == status
    assert Finding.objects.get(pk=estate["web"].pk).acknowledged_at is None
    assert not AuditEvent.objects.filter(verb="finding.acknowledged").exists()


def test_the_panel_of_a_certificate_has_the_faults_of_the_nodes_that_the_person_sees(
    client: Client, web_team: Team, other_team: Team, viewer: User, auditor: User
) -> None:
    certificate = make_certificate(owner_team=web_team)
    own = make_finding(certificate=certificate)
    theirs = make_finding("old_tls", endpoint=make_endpoint(certificate=certificate, owner_team=other_team))
    client.force_login(auditor)
    assert ids(client, f"/certificates/{certificate.pk}/findings/") == {own.pk, theirs.pk}
    client.force_login(viewer)
    assert ids(client, f"/certificates/{certificate.pk}/findings/") == {own.pk}


@pytest.mark.parametrize("model", [Certificate, Endpoint])
def test_panels_of_other_teams_do_not_exist(
    model: type[Certificate | Endpoint], client: Client, estate: dict[str, Finding], viewer: User
) -> None:
    client.force_login(viewer)
    name = "certificates" if model is Certificate else "endpoints"
    for row in model.objects.all():
        status = client.get(f"/{name}/{row.pk}/findings/").status_code
        slug = row.owner_team.slug if row.owner_team else ""
        assert status == (404 if slug == "payments" else 200)


def test_hostile_words_are_shown_and_do_nothing(client: Client, auditor: User) -> None:
    finding = make_finding(
        sentence="<script>alert(1)</script>\u202e", certificate=make_certificate("<b>\u202e.example")
    )
    client.force_login(auditor)
    for url in ("/findings/", f"/findings/{finding.pk}/", f"/certificates/{finding.certificate_id}/findings/"):
        page = client.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<b>\u2039" not in page
        assert "\u202e" not in page


def test_what_is_no_rule_is_told_and_turns_nothing_around(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    page = client.get("/findings/?rule=%E2%80%AE").content.decode()
    assert "“\u2039U+202E\u203a” is not one of" in page
    assert "\u202e" not in page
