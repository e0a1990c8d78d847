"""Filters, forms and pages in which one team's things refer to another's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.db.models import Q
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from accounts.models import Team
from discovery.models import Source
from inventory.models import Certificate
from policy.models import Finding
from reports.services import make_report, request_report
from tests.access.asking import Asker, disclosures
from tests.access.crossings import THEIR_NODE, cross
from tests.access.payloads import payload
from tests.access.world import WORDS, World, as_now, standing_world

pytestmark = pytest.mark.django_db

WORD = WORDS["payments"]
LISTS = ("inventory:certificate_list", "inventory:endpoint_list")
EXPORTS = ("inventory:certificate_export", "inventory:endpoint_export")


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "django.request")


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock(), standing_world() as world:
        yield world


@pytest.fixture
def world(standing: World, db: None) -> World:
    return as_now(standing)


@pytest.fixture
def asker(world: World) -> Asker:
    return Asker(world)


def reference(world: World, param: str) -> str:
    return {"issuer": str(world.things["payments"]["issuer"]), "team": "payments", "tag": f"{WORD}-tag"}[param]


@pytest.mark.parametrize("param", ["issuer", "team", "tag"])
@pytest.mark.parametrize("name", [*LISTS, *EXPORTS])
def test_a_filter_answers_about_hidden_things_as_about_none(name: str, param: str, world: World, asker: Asker) -> None:
    """Whether something of that name exists must not be told either."""
    url = reverse(name, args=["csv"] if name in EXPORTS else [])
    nothing = "999999" if param == "issuer" else "nothing-of-that-name"
    hidden = asker.ask("viewer", "GET", f"{url}?{urlencode({param: reference(world, param)})}")
    none = asker.ask("viewer", "GET", f"{url}?{urlencode({param: nothing})}")
    assert hidden.status == none.status
    body = hidden.body.replace(reference(world, param).encode(), nothing.encode())
    assert WORD.encode() not in body


def test_the_filter_of_findings_answers_about_hidden_teams_as_about_none(asker: Asker) -> None:
    url = reverse("policy:finding_list")
    hidden, none = (asker.ask("viewer", "GET", f"{url}?team={slug}") for slug in ("payments", "nothing-of-that-name"))
    assert hidden.status == none.status
    assert b"is not known" in hidden.body
    assert WORD.encode() not in hidden.body


@pytest.mark.parametrize("page", ["report_detail", "report_preview", "report_pdf", "report_data"])
def test_who_left_a_team_has_lost_the_reports_that_show_it(page: str, world: World, asker: Asker) -> None:
    person = world.people["operator"]
    report = request_report(person, "team=web", world.now, enqueue=False)
    make_report(report.pk, "test", lambda: world.now)
    url = reverse(f"reports:{page}", args=[report.pk])
    assert [asker.ask(who, "GET", url).status for who in ("operator", "auditor", "viewer")] == [200, 200, 404]
    person.memberships.all().delete()
    assert [asker.ask(who, "GET", url).status for who in ("operator", "auditor", "viewer")] == [404, 200, 404]


@pytest.mark.parametrize("query", ["q={word}", "source={word} source", "key={word} key", "risk=expiring", "kind=any"])
@pytest.mark.parametrize("name", [*LISTS, *EXPORTS, "inventory:search", "inventory:issuer_list"])
def test_no_search_finds_things_of_another_team(name: str, query: str, world: World, asker: Asker) -> None:
    url = reverse(name, args=["json"] if name in EXPORTS else [])
    asked = query.format(word=WORD)
    answer = asker.ask("viewer", "GET", f"{url}?{asked.replace(' ', '%20')}")
    assert answer.status in {200, 422}
    # What was asked comes back in the field that it was typed into.
    assert f"{WORD}.example.org".encode() not in answer.body
    assert f"/certificates/{world.things['payments']['certificate']}/".encode() not in answer.body


def test_no_fingerprint_or_serial_number_leads_to_another_team(world: World, asker: Asker) -> None:
    certificate = Certificate.objects.get(pk=world.things["payments"]["certificate"])
    for text in (certificate.sha256, certificate.serial_number):
        answer = asker.ask("viewer", "GET", f"{reverse('inventory:search')}?q={text}")
        assert answer.status == 200
        assert list(disclosures(answer, "viewer", world)) == []
        assert asker.ask("stranger", "GET", f"{reverse('inventory:search')}?q={text}").word == "done"


@pytest.mark.parametrize("name", ["policy:finding_list", "discovery:scan_list", "reports:report_list"])
@pytest.mark.parametrize("query", ["team=payments", "state=any", "state=any&team=payments&rule=expiring"])
def test_lists_of_work_and_findings_are_of_ones_own_teams(name: str, query: str, world: World, asker: Asker) -> None:
    answer = asker.ask("viewer", "GET", f"{reverse(name)}?{query}")
    assert list(disclosures(answer, "viewer", world)) == []


@pytest.mark.parametrize("name", ["discovery:source_new", "discovery:source_edit"])
def test_a_source_is_not_given_to_another_team(name: str, world: World, asker: Asker) -> None:
    url = reverse(name, args=[] if name.endswith("new") else [world.things["web"]["source"]])
    data = {**payload(name, world, "web", "operator"), "owner_team": str(world.team("payments").pk)}
    for team in (str(world.team("payments").pk), ""):
        answer = asker.ask("operator", "POST", url, {**data, "owner_team": team})
        assert answer.status == 422
        assert answer.events == 0
    assert Source.objects.filter(owner_team__slug="payments").count() == 1


def test_a_person_of_another_team_is_not_named_as_owner(world: World, asker: Asker) -> None:
    url = reverse("inventory:certificate_owner", args=[world.things["web"]["certificate"]])
    data = {"owner-team": "web", "owner-person": str(world.people["stranger"].pk), "owner-reason": "try"}
    answer = asker.ask("operator", "POST", url, data)
    assert answer.status == 422
    assert b"sam@example.org" not in answer.body


def test_a_report_about_another_team_is_refused(world: World, asker: Asker) -> None:
    for query in ("team=payments", f"issuer={world.things['payments']['issuer']}"):
        data = {"kind": "inventory", "filter": query}
        assert asker.ask("operator", "POST", reverse("reports:report_new"), data).status == 422


@pytest.mark.parametrize("person", ["viewer", "operator"])
@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("inventory:certificate_detail", "key"),
        ("policy:certificate_findings", "key"),
        ("inventory:endpoint_detail", "node"),
        ("policy:endpoint_findings", "node"),
        ("discovery:endpoint_history", "node"),
    ],
)
def test_what_stands_beside_another_teams_thing_does_not_name_it(
    name: str, thing: str, person: str, world: World, asker: Asker
) -> None:
    pk = cross(world)[thing]
    answer = asker.ask(person, "GET", reverse(name, args=[pk]))
    assert answer.status == 200
    assert list(disclosures(answer, person, world)) == []
    assert THEIR_NODE.encode() not in answer.body


@pytest.mark.parametrize(("thing", "rule"), [("key", "key_reuse"), ("node", "not_same_everywhere")])
def test_a_finding_counts_what_another_team_owns(thing: str, rule: str, world: World, asker: Asker) -> None:
    pk = cross(world)[thing]
    finding = Finding.objects.get(Q(certificate=pk) if thing == "key" else Q(endpoint=pk), rule=rule)
    answer = asker.ask("viewer", "GET", reverse("policy:finding_detail", args=[finding.pk]))
    assert b"another team" in answer.body
    assert list(disclosures(answer, "viewer", world)) == []
    assert THEIR_NODE.encode() not in answer.body


def test_lists_beside_another_teams_things_do_not_name_them(world: World, asker: Asker) -> None:
    cross(world)
    for name in ("inventory:certificate_list", "policy:finding_list", "reports:overview"):
        answer = asker.ask("viewer", "GET", reverse(name))
        assert list(disclosures(answer, "viewer", world)) == [], name
        assert THEIR_NODE.encode() not in answer.body, name


def test_a_certificate_of_another_team_on_ones_own_endpoint_is_shown_without_a_link(world: World, asker: Asker) -> None:
    """Everybody who connects there is sent it; its page stays that of its owners."""
    pk = cross(world)["sends"]
    theirs = Certificate.objects.get(name=f"{WORD}-moved.example.org")
    assert Team.objects.get(slug="payments") == theirs.owner_team
    scan = reverse("discovery:scan_detail", args=[world.things["web"]["scan"]])
    pages = [reverse(name, args=[pk]) for name in ("inventory:endpoint_detail", "discovery:endpoint_history")]
    for url in [*pages, scan, reverse("inventory:endpoint_list")]:
        answer = asker.ask("viewer", "GET", url)
        assert theirs.name.encode() in answer.body, url
        assert f"/certificates/{theirs.pk}/".encode() not in answer.body, url
