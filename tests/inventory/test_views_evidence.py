"""What pages say of things that nobody looked at for long, could not read, or did not judge: never anything good."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation, Team, User
from inventory.models import Certificate, Endpoint, ServedChain, Severity
from tests.inventory.factories import make_certificate, make_chain, make_endpoint, make_issuer

NAME = "api.example.org"


def words(response: Any) -> str:
    main = response.text.split("<main")[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def page(client: Client, thing: Certificate | Endpoint) -> Any:
    noun = "certificates" if isinstance(thing, Certificate) else "endpoints"
    return client.get(f"/{noun}/{thing.pk}/")


def test_a_node_that_nobody_looked_at_for_long_sends_nothing_that_we_know(
    as_administrator: Client, today: datetime
) -> None:
    this = make_certificate(NAME, nodes_serving=2, nodes_last_known=1, nodes_total=3, now=today)
    other = make_certificate(NAME, now=today)
    make_endpoint("192.0.2.1", server_name=NAME, certificate=this, now=today)
    make_endpoint("192.0.2.2", server_name=NAME, certificate=this, now=today - timedelta(days=3))
    make_endpoint("192.0.2.3", server_name=NAME, certificate=other, now=today - timedelta(days=3))
    response = page(as_administrator, this)
    assert [node.state for node in response.context["page"].served.nodes] == ["this", "silent", "silent"]
    text = words(response)
    assert "1 of 3 nodes of the same services sent this certificate in their last answer" in text
    assert "(1 more sent it, and gave no answer since)" in text
    assert "another certificate." not in text


def test_what_nodes_send_instead_is_told_for_each_certificate(
    client: Client,
    organisation: Organisation,
    viewer: User,
    web_team: Team,
    other_team: Team,
    today: datetime,
) -> None:
    this = make_certificate(NAME, owner_team=web_team, nodes_serving=1, nodes_total=5, now=today)
    old = make_certificate("old.example.org", days_left=-3.5, owner_team=web_team, now=today)
    theirs = make_certificate("theirs.example.org", days_left=5.5, owner_team=other_team, now=today)
    for number, certificate in enumerate([this, old, old, theirs]):
        make_endpoint(f"192.0.2.{number}", server_name=NAME, certificate=certificate, owner_team=web_team, now=today)
    unread = make_endpoint("192.0.2.9", server_name=NAME, certificate=old, owner_team=web_team, now=today)
    Endpoint.objects.filter(pk=unread.pk).update(certificate=None)
    client.force_login(viewer)
    response = page(client, this)
    text = words(response)
    assert "4 nodes of the same services send another certificate." in text
    assert re.search(r"192.0.2.1:443 , 192.0.2.2:443 send old.example.org \w{4}…\w{4} , expired 3 days ago", text)
    assert re.search(r"192.0.2.3:443 sends theirs.example.org \(another team's\) .* which expires in 5 days", text)
    assert "192.0.2.9:443 sends a certificate that could not be read" in text
    assert f'href="/certificates/{old.pk}/"' in response.text
    assert f'href="/certificates/{theirs.pk}/"' not in response.text


def test_a_chain_that_silent_nodes_sent_last_is_sent_by_nobody_now(as_administrator: Client, today: datetime) -> None:
    this = make_certificate(NAME, now=today)
    make_endpoint("192.0.2.1", server_name=NAME, certificate=this, now=today)
    make_endpoint("192.0.2.2", server_name=NAME, certificate=this, now=today)
    assert page(as_administrator, this).context["page"].chain.sent_note == "by all 2"
    ServedChain.objects.update(state=ServedChain.State.LAST_KNOWN)
    chain = page(as_administrator, this).context["page"].chain
    assert chain.sent_note == "by nobody now; as last seen"
    assert [link.name for link in chain.sent] == [NAME]


def test_a_chain_that_is_sent_stands_before_one_that_more_nodes_sent_last(
    as_administrator: Client, today: datetime
) -> None:
    this, ca = make_certificate(NAME, now=today), make_certificate("Some CA", kind="ca", now=today)
    for number in range(3):
        make_endpoint(f"192.0.2.{number}", server_name=NAME, certificate=this, now=today)
    ServedChain.objects.update(state=ServedChain.State.LAST_KNOWN)
    make_endpoint("192.0.2.9", server_name=NAME, certificate=this, chain=[ca], now=today)
    chain = page(as_administrator, this).context["page"].chain
    assert [link.name for link in chain.sent] == [NAME, "Some CA"]
    assert make_chain(this, ca).length == 2


@pytest.mark.parametrize("judged", ["yes", "never", "too long ago"])
def test_only_what_was_judged_is_called_good(judged: str, as_administrator: Client, today: datetime) -> None:
    moments: dict[str, dict[str, Any]] = {
        "yes": {"judged_at": today, "judge_at": today - timedelta(minutes=59)},
        "never": {"judged_at": None, "judge_at": today - timedelta(minutes=1)},
        "too long ago": {"judged_at": today - timedelta(days=8), "judge_at": today - timedelta(days=7)},
    }
    judging = moments[judged]
    why = f"the rules were not asked {'in time' if judging['judged_at'] else 'yet'}"
    certificate = make_certificate(NAME, nodes_serving=1, nodes_total=1, now=today, **judging)
    endpoint = make_endpoint(server_name=NAME, certificate=certificate, now=today, **judging)
    for response, not_judged in (
        (page(as_administrator, certificate), why),
        (page(as_administrator, endpoint), why),
        (as_administrator.get("/certificates/"), "not judged"),
        (as_administrator.get("/endpoints/"), "not judged"),
    ):
        main = response.text.split("<main")[1].split("</main>")[0]
        assert ("status-in_date" in main) is (judged == "yes"), response.request["PATH_INFO"]
        assert (not_judged in words(response)) is (judged != "yes")


def test_a_certificate_of_an_authority_is_not_judged(as_administrator: Client, today: datetime) -> None:
    make_certificate("Some CA", kind="ca", judged_at=today, now=today)
    text = words(as_administrator.get("/certificates/?kind=ca"))
    assert "in chains" in text
    assert "not judged" in text


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"outcome": "", "last_tried_at": None, "last_seen_at": None}, "never asked"),
        ({"outcome": "unreachable", "last_seen_at": None}, "it never answered"),
        ({"outcome": "unreachable"}, "no answer"),
        ({"outcome": "handshake_failed"}, "its last answer brought no certificate"),
        ({"outcome": "handshake_failed", "last_seen_at": None}, "it never sent a certificate"),
        ({"outcome": "served"}, "not asked again in time"),
    ],
)
def test_an_endpoint_without_evidence_says_why(
    columns: dict[str, Any], why: str, as_administrator: Client, today: datetime
) -> None:
    certificate = make_certificate(NAME, now=today)
    endpoint = make_endpoint(certificate=certificate, now=today - timedelta(days=3))
    Endpoint.objects.update(**columns)
    text = words(page(as_administrator, endpoint))
    assert f"not judged: {why}" in text.replace(" :", ":")
    assert f"Judged no: {why}" in text


def test_a_finding_stays_in_sight_when_its_endpoint_falls_silent(as_administrator: Client, today: datetime) -> None:
    make_endpoint(worst_severity=Severity.CRITICAL, judged_at=today, now=today - timedelta(days=3))
    assert "critical" in words(as_administrator.get("/endpoints/?severity=critical")).split("Worst finding", 1)[1]


def test_what_could_not_be_read_is_not_called_empty(as_administrator: Client, today: datetime) -> None:
    problems = [{"property": "certificate", "reason": "not a certificate"}]
    unread = make_certificate(NAME, subject="", problems=problems, conforming=False, now=today)
    unread.names.all().delete()
    bare = make_certificate(NAME, subject="", now=today)
    bare.names.all().delete()
    assert "Names not readable Subject not readable" in words(page(as_administrator, unread))
    assert "Names none Subject empty" in words(page(as_administrator, bare))


def test_nodes_beside_an_endpoint_are_told_with_the_age_of_what_is_known(
    as_administrator: Client, today: datetime
) -> None:
    this, other = make_certificate(NAME, now=today), make_certificate(NAME, now=today)
    endpoint = make_endpoint("192.0.2.1", server_name=NAME, certificate=this, now=today)
    make_endpoint("192.0.2.2", server_name=NAME, certificate=this, now=today - timedelta(days=3))
    make_endpoint("192.0.2.3", server_name=NAME, certificate=other, now=today)
    response = page(as_administrator, endpoint)
    assert re.search(
        r"192.0.2.2:443 the same \(last known\) .* 192.0.2.3:443 another \w{4}…\w{4} 5 min ago", words(response)
    )
    listed = as_administrator.get(f"/endpoints/?service={NAME}:443")
    assert f"/endpoints/?service={NAME.replace(':', '%3A')}%3A443" in response.text
    assert listed.context["count"].number == 3


def test_the_page_of_an_issuer_leads_to_what_it_shows(as_administrator: Client, today: datetime) -> None:
    issuer = make_issuer("Example CA 9")
    for days_left in (-400, -1, 3, 50):
        make_certificate(days_left=days_left, issuer=issuer, now=today)
    for number in range(12):
        make_certificate(f"ca-{number}", days_left=number, subject_sha256=issuer.name_sha256, kind="ca", now=today)
    response = as_administrator.get(f"/issuers/{issuer.pk}/")
    listed = as_administrator.get(f"/certificates/?{response.context['next_query']}")
    assert listed.context["count"].number == len(response.context["next"]) == 2
    assert [row.certificate.name for row in response.context["own"]][:2] == ["ca-11", "ca-10"]
    assert "the 10 that end last" in words(response)
