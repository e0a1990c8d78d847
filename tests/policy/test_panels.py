"""The panels of a certificate and of an endpoint: what was found, and how much of it anybody could judge."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from inventory.models import Certificate, Endpoint
from policy.models import Finding, Unjudged
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

MINUTE = timedelta(minutes=1)
ALL_WELL = "every rule was judged"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation, client: Client, auditor: User) -> None:
    client.force_login(auditor)


@pytest.fixture
def certificate(today: datetime) -> Certificate:
    return make_certificate(judged_at=today - MINUTE, judge_at=today + 9 * MINUTE)


@pytest.fixture
def node(today: datetime) -> Endpoint:
    return make_endpoint(judged_at=today - MINUTE)


def panel(client: Client, about: Certificate | Endpoint) -> str:
    noun = "certificates" if isinstance(about, Certificate) else "endpoints"
    return " ".join(client.get(f"/{noun}/{about.pk}/findings/").text.split())


def unjudged(rule: str, reason: str, since: datetime = NOW, **about: object) -> Unjudged:
    return Unjudged.objects.create(rule=rule, reason=reason, since=since, **about)


@pytest.mark.parametrize("about", ["certificate", "node"])
def test_what_was_judged_whole_and_is_sound_says_so(about: str, client: Client, request: pytest.FixtureRequest) -> None:
    assert ALL_WELL in panel(client, request.getfixturevalue(about))


@pytest.mark.parametrize("about", ["certificate", "node"])
def test_what_could_not_be_judged_stands_there_with_its_reason(
    about: str, client: Client, request: pytest.FixtureRequest
) -> None:
    thing = request.getfixturevalue(about)
    column = "certificate" if about == "certificate" else "endpoint"
    unjudged("weak_key", "Nobody knows this <b>key</b>.\u202e", **{column: thing})
    text = panel(client, thing)
    assert ALL_WELL not in text
    assert "No rule was found broken in what was judged, but not everything was." in text
    assert "Nobody knows this &lt;b&gt;key&lt;/b&gt;.‹U+202E›" in text
    assert "Weak key" in text
    assert NOW.isoformat()[:16] in text


def test_what_was_found_does_not_hide_what_was_not_judged(client: Client, certificate: Certificate) -> None:
    Finding.objects.create(
        rule="ownerless", severity=1, sentence="So.", certificate=certificate, opened_at=NOW, confirmed_at=NOW
    )
    assert "Not everything was judged." not in panel(client, certificate)
    unjudged("weak_key", "Unheard of.", certificate=certificate)
    assert "Not everything was judged." in panel(client, certificate)
    assert "Unheard of." in panel(client, certificate)


def test_one_reason_is_one_line_however_many_rules_and_nodes_it_keeps_from_being_judged(
    client: Client, certificate: Certificate, today: datetime
) -> None:
    for n in range(3):
        node = make_endpoint(f"192.0.2.{n}", certificate=certificate, judged_at=today)
        unjudged("old_tls", "Silent.", NOW + n * MINUTE, endpoint=node)
        unjudged("wrong_name", "Silent.", NOW - n * MINUTE, endpoint=node)
    other = make_endpoint("192.0.2.9", certificate=certificate, judged_at=today)
    unjudged("incomplete_chain", "Silent.", endpoint=other)
    unjudged("weak_key", "Silent.", certificate=certificate)
    gaps = client.get(f"/certificates/{certificate.pk}/findings/").context["panel"].gaps
    assert [(gap.reason, len(gap.titles), gap.endpoints, gap.since) for gap in gaps] == [
        ("Silent.", 1, 0, NOW),
        ("Silent.", 3, 4, NOW - 2 * MINUTE),
    ]


def test_endpoints_of_other_teams_are_counted_and_tell_nothing(
    client: Client, certificate: Certificate, today: datetime, other_team: Team, web_team: Team, viewer: User
) -> None:
    Certificate.objects.update(owner_team=web_team)
    theirs = make_endpoint(certificate=certificate, owner_team=other_team, judged_at=today)
    unjudged("old_tls", "Only theirs.", endpoint=theirs)
    client.force_login(viewer)
    text = panel(client, certificate)
    assert "Only theirs." not in text
    assert "1 endpoint of another team serves it, too" in text


@pytest.mark.parametrize("about", ["certificate", "node"])
@pytest.mark.parametrize(
    ("judged", "due", "words"),
    [
        (None, None, "Not judged yet"),
        (None, -1, "Not judged yet"),
        (None, -90, "Never judged, though due since"),
        (-300, -90, "Not judged in time: due since"),
    ],
)
def test_what_was_not_judged_in_time_says_so(
    judged: int | None,
    due: int | None,
    words: str,
    about: str,
    client: Client,
    today: datetime,
    request: pytest.FixtureRequest,
) -> None:
    thing = request.getfixturevalue(about)
    type(thing).objects.update(
        judged_at=None if judged is None else today + judged * MINUTE,
        judge_at=None if due is None else today + due * MINUTE,
    )
    text = panel(client, thing)
    assert words in text
    assert "No rule was found broken" not in text


def test_a_certificate_is_not_well_while_a_node_that_serves_it_waits(
    client: Client, certificate: Certificate, today: datetime
) -> None:
    make_endpoint(certificate=certificate, judge_at=today - MINUTE)
    text = panel(client, certificate)
    assert "1 endpoint that serves it was not judged in time." in text
    assert ALL_WELL not in text


def test_an_authority_was_not_judged_and_says_why(client: Client, certificate: Certificate) -> None:
    Certificate.objects.update(kind=Certificate.Kind.CA)
    text = panel(client, certificate)
    assert "The rules are asked of end-entity certificates, so it was not judged." in text
    assert "No rule was found broken" not in text


def test_a_finding_of_a_rule_that_is_gone_shows_its_code(client: Client, certificate: Certificate) -> None:
    finding = Finding.objects.create(
        rule="bygone", severity=1, sentence="So.", certificate=certificate, opened_at=NOW, confirmed_at=NOW
    )
    for url in ("/findings/", f"/findings/{finding.pk}/", f"/certificates/{certificate.pk}/findings/"):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "bygone" in answer.text


def test_a_panel_costs_the_same_number_of_queries_whatever_serves_the_certificate(
    client: Client, certificate: Certificate, today: datetime
) -> None:
    counts = []
    for number in (2, 40):
        for n in range(number):
            node = make_endpoint(f"10.0.{number}.{n}", certificate=certificate, judged_at=today)
            unjudged("old_tls", f"Silent {n}.", endpoint=node)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/certificates/{certificate.pk}/findings/").status_code == 200
        counts.append(len(captured))
    assert counts[1] <= counts[0]
