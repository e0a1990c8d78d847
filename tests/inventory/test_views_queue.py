"""The queue of what nobody answers for: what is in it, in which order, what is suggested, and one-click assignments."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Organisation, Role, Team, User
from discovery.models import Observation, Scan
from discovery.services import default_zone
from inventory.models import Certificate, Domain, Endpoint, Import, ImportItem, Origin, Total
from inventory.services import assign_owner, recount
from inventory.snapshot.suggested import suggested_for_certificates, suggested_for_endpoints
from inventory.snapshot.unowned import SHOWN, queue_of
from tests.conftest import NOW, MakeUser
from tests.inventory.factories import make_certificate, make_chain, make_endpoint

HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


def words(response: Any) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", response.text).split()))


def suggested(row: Certificate | Endpoint, user: User) -> list[tuple[str, str, str]]:
    found: Any = (
        suggested_for_certificates([row], user)
        if isinstance(row, Certificate)
        else suggested_for_endpoints([row], user)
    )
    return [(one.team.name, one.confidence, one.reason) for one in found.get(row.pk, [])]


def test_each_clue_is_found_and_said(
    administrator: User, web_team: Team, other_team: Team, make_user: MakeUser
) -> None:
    web: dict[str, Any] = {"owner_team": web_team}
    make_certificate("key.example.net", spki_sha256="a" * 64, **web)
    make_certificate("same.example.net", names_sha256="b" * 64, **web)
    make_certificate("b.example.net", **web)
    domain = Domain.objects.create(name="example.com", first_seen_at=NOW)
    Total.objects.create(owner_team=web_team, dimension="domain", value=str(domain.pk), count=3)
    Total.objects.create(owner_team=other_team, dimension="domain", value=str(domain.pk), count=1)
    make_endpoint("192.0.2.9", owner_team=web_team)
    assert suggested(make_certificate("x.example.org", spki_sha256="a" * 64), administrator) == [
        ("Web", "high", "It has the same key as key.example.net of theirs")
    ]
    assert suggested(make_certificate("y.example.org", names_sha256="b" * 64), administrator)[0][2] == (
        "It has the same names as same.example.net of theirs"
    )
    assert suggested(make_certificate("a.b.example.net"), administrator) == [
        ("Web", "medium", "The name above it, b.example.net, is theirs")
    ]
    assert suggested(make_certificate("b.example.net", names=["z.example.net"]), administrator)[0][2] == (
        "The certificate b.example.net of theirs is for the same name"
    )
    assert suggested(make_certificate("shop.example.com"), administrator) == [
        ("Web", "low", "They own certificates under example.com (3 of 4)")
    ]
    node = make_endpoint("192.0.2.77", server_name="", certificate=make_certificate("far.example.se"))
    assert suggested(node, administrator) == [("Web", "low", "Their endpoints are near, in 192.0.2.0/24")]
    assert suggested(make_endpoint("2001:db8::1", server_name=""), administrator) == []
    olga = make_user("olaf@example.org", Role.OPERATOR, other_team)
    brought = make_certificate("brought.example.se")
    file = Import.objects.create(name="a.pem", requested_by=olga, created_at=NOW)
    ImportItem.objects.create(of=file, position=1, outcome="new", certificate=brought)
    assert suggested(brought, administrator) == [("Payments", "medium", "It was brought in by olaf@example.org")]


def test_who_asked_for_the_scan_speaks_for_their_team(administrator: User, operator: User, web_team: Team) -> None:
    certificate = make_certificate("found.example.se")
    node = make_endpoint("198.51.100.1", server_name="found.example.se", certificate=certificate)
    scan = Scan.objects.create(title="once", requested_by=operator, zone=default_zone(), created_at=NOW)
    Observation.objects.create(
        endpoint=node, outcome="served", chain=make_chain(certificate), first_seen_at=NOW, last_seen_at=NOW, scan=scan
    )
    asked = [("Web", "low", "The scan that found it was asked for by olga@example.org")]
    assert suggested(certificate, administrator) == suggested(node, administrator) == asked
    Certificate.objects.filter(pk=certificate.pk).update(owner_team=web_team)
    assert suggested(node, administrator)[0][:2] == ("Web", "high")


def test_nothing_of_another_team_speaks_or_is_named(operator: User, administrator: User, other_team: Team) -> None:
    theirs: dict[str, Any] = {"owner_team": other_team, "spki_sha256": "c" * 64, "names_sha256": "d" * 64}
    make_certificate("secret.payments.example", **theirs)
    make_endpoint("192.0.2.9", owner_team=other_team)
    domain = Domain.objects.create(name="payments.example", first_seen_at=NOW)
    Total.objects.create(owner_team=other_team, dimension="domain", value=str(domain.pk), count=3)
    row = make_certificate("x.secret.payments.example", spki_sha256="c" * 64, names_sha256="d" * 64)
    node = make_endpoint("192.0.2.10", server_name="x.secret.payments.example", certificate=row)
    assert suggested(row, administrator)[0][:2] == ("Payments", "high")
    assert (suggested(row, operator), suggested(node, operator)) == ([], [])


def test_the_worst_and_soonest_come_first_and_pages_go_on_where_the_last_ended(administrator: User) -> None:
    for number in range(SHOWN + 5):
        make_certificate(f"n{number}.example.org", days_left=number + 1, worst_severity=1)
    dateless = make_certificate("dateless.example.org", not_after=None, worst_severity=1)
    worst = make_certificate("worst.example.org", days_left=80, worst_severity=4)
    make_certificate("nobody.example.org", owner_origin=Origin.MANUAL)
    make_certificate("retired.example.org", retired_at=NOW)
    make_certificate("ca.example.org", kind="ca")
    first = queue_of(administrator, "none", "certificates", "", NOW)
    second = queue_of(administrator, "none", "certificates", first.after, NOW)
    names = [line.item.name for line in [*first.lines, *second.lines]]
    assert names == [worst.name, *(f"n{number}.example.org" for number in range(SHOWN + 5)), dateless.name]
    assert (len(first.lines), second.after) == (SHOWN, "")
    again = queue_of(administrator, "none", "certificates", "", NOW, second.before)
    assert [line.item for line in again.lines] == [line.item for line in first.lines]
    assert (again.after, again.before, first.before) == (first.after, "", "")
    # What is left before it is no page any more.
    worst.delete()
    begun = queue_of(administrator, "none", "certificates", "", NOW, second.before)
    assert [line.item.name for line in begun.lines][:2] == ["n0.example.org", "n1.example.org"]


def test_every_page_leads_back_to_the_one_before_it(administrator: User) -> None:
    for number in range(2 * SHOWN + 4):
        dates = {"not_after": None} if number % 2 else {"days_left": number // 2}
        make_certificate(f"n{number}.example.org", worst_severity=number % 3, **dates)
    first = queue_of(administrator, "none", "certificates", "", NOW)
    second = queue_of(administrator, "none", "certificates", first.after, NOW)
    third = queue_of(administrator, "none", "certificates", second.after, NOW)
    back = queue_of(administrator, "none", "certificates", "", NOW, third.before)
    assert [line.item for line in back.lines] == [line.item for line in second.lines]
    again = queue_of(administrator, "none", "certificates", "", NOW, back.before)
    assert ([line.item for line in again.lines], again.before) == ([line.item for line in first.lines], "")


def test_a_page_asks_the_same_number_of_queries_whatever_stands_on_it(administrator: User, web_team: Team) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            queue_of(administrator, "none", "certificates", "", NOW)
        return len(captured)

    for number in range(2):
        row = make_certificate(f"n{number}.example.org", spki_sha256="e" * 64)
        make_endpoint(f"192.0.2.{number + 1}", certificate=row)
    make_certificate("owned.example.org", spki_sha256="e" * 64, owner_team=web_team)
    few = asked()
    for number in range(2, 30):
        row = make_certificate(f"n{number}.example.org", spki_sha256="e" * 64)
        make_endpoint(f"192.0.2.{number + 1}", certificate=row)
    assert asked() <= few <= 32


def test_the_queue_says_how_far_it_is_and_whose_things_are_whose_no_longer(
    client: Client, organisation: Organisation, administrator: User, make_user: MakeUser, web_team: Team
) -> None:
    leaver = make_user("leaver@example.org", Role.OPERATOR, web_team)
    make_certificate("left.example.org", owner_team=web_team, owner_person=leaver, owner_origin=Origin.MANUAL)
    empty = Team.objects.create(name="Empty", slug="empty")
    make_certificate("empty.example.org", owner_team=empty, owner_origin=Origin.RULE)
    make_certificate("guess.example.org", owner_team=web_team, owner_origin=Origin.INFERRED, owner_reason="a source")
    make_certificate("none.example.org")
    recount()
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    client.force_login(administrator)
    page = words(client.get("/ownership/"))
    assert "1 of 4 certificates have an owner by a person's word" in page
    assert "1 by rule" in page
    assert "1 without owner" in page
    assert "none.example.org" in page
    inferred = words(client.get("/ownership/?show=inferred"))
    assert "Keep Web" in inferred
    assert "guess.example.org" in inferred
    left = words(client.get("/ownership/?show=left"))
    assert "left.example.org" in left
    assert "Empty 1 certificate" in left
    assert "damaged" in words(client.get("/ownership/?after=guess"))
    assert "Everything that you see here has an owner" in words(client.get("/ownership/?what=endpoints"))
    make_endpoint("192.0.2.1")
    make_endpoint("192.0.2.2", retired_at=NOW)
    assert "Without owner 1 Only inferred 1 Owner left 1" in words(client.get("/ownership/"))
    assert "Without owner 1 Only inferred 0 Owner left 0" in words(client.get("/ownership/?what=endpoints"))


@pytest.fixture
def as_operator(client: Client, organisation: Organisation, operator: User) -> Client:
    client.force_login(operator)
    return client


def sent(page: Any, name: str = "team") -> dict[str, str]:
    """The first form of the queue that gives something to a team, as it stands on the page."""
    form = next(each for each in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if 'value="web"' in each)
    return {key: html.unescape(value) for key, value in re.findall(r'name="(\w+)"\s+value="([^"]*)"', form)}


def test_one_click_assigns_and_another_takes_it_back(as_operator: Client, web_team: Team, operator: User) -> None:
    make_certificate("a<b>.example.org", spki_sha256="f" * 64, owner_team=web_team)
    row = make_certificate("mine.example.org", spki_sha256="f" * 64)
    recount()
    url = f"/ownership/certificates/{row.pk}/"
    page = as_operator.get("/ownership/")
    done = as_operator.post(url, sent(page), headers=HTMX)
    row.refresh_from_db()
    assert (row.owner_team, row.owner_origin) == (web_team, Origin.MANUAL)
    assert row.owner_reason == "Suggested: It has the same key as a<b>.example.org of theirs"
    assert "mine.example.org was assigned to Web." in words(done)
    assert "<html" not in done.text
    token = html.unescape(re.findall(r'name="undo" value="([^"]+)"', done.text)[0])
    assert "It was taken back" in words(as_operator.post("/ownership/undo/", {"undo": token}, headers=HTMX))
    row.refresh_from_db()
    assert (row.owner_team, row.owner_origin, row.owner_reason) == (None, "", "")
    assert recount() == []
    assert list(AuditEvent.objects.values_list("verb", flat=True)) == ["certificate.owner_changed"] * 2
    late = as_operator.post("/ownership/undo/", {"undo": token}, follow=True)
    assert "nothing was taken back" not in words(late)
    assert as_operator.post("/ownership/undo/", {"undo": f"{token}x"}).status_code == 422
    forged = as_operator.post("/ownership/undo/", {"undo": f"{token}x"}, headers=HTMX)
    assert (forged.status_code, "<html" in forged.text) == (422, False)
    assert "can no longer be taken back here" in words(forged)


def test_without_scripts_the_page_comes_back_with_the_way_to_undo(as_operator: Client, web_team: Team) -> None:
    row = make_endpoint("192.0.2.5", server_name="")
    make_endpoint("192.0.2.6", server_name="", owner_team=web_team)
    page = as_operator.get("/ownership/?what=endpoints")
    there = as_operator.post(f"/ownership/endpoints/{row.pk}/", sent(page), follow=True)
    assert there.redirect_chain[0][0].startswith("/ownership/?what=endpoints&undo=")
    assert "192.0.2.5:443 was assigned to Web." in words(there)
    token = html.unescape(re.findall(r'name="undo" value="([^"]+)"', there.text)[0])
    back = as_operator.post(
        "/ownership/undo/", {"undo": token, "back": "what=endpoints&next=//evil.example"}, follow=True
    )
    assert back.redirect_chain == [("/ownership/?what=endpoints", 302)]
    assert Endpoint.objects.get(pk=row.pk).owner_team is None


def test_what_is_given_away_is_not_shown_and_not_taken_back(as_operator: Client, other_team: Team) -> None:
    row = make_certificate("theirs.example.org")
    version = re.findall(r'name="version" value="(\w+)"', as_operator.get("/ownership/").text)[0]
    given = {"team": "payments", "reason": "theirs", "version": version, "back": ""}
    done = as_operator.post(f"/ownership/certificates/{row.pk}/", given, headers=HTMX)
    assert ("was assigned to Payments" in words(done), "Undo" in words(done)) == (True, False)


def test_nobody_is_a_choice_that_needs_a_reason_and_leaves_the_queue(as_operator: Client) -> None:
    row = make_certificate("orphan.example.org")
    url, page = f"/ownership/certificates/{row.pk}/", as_operator.get("/ownership/")
    version = re.findall(r'name="version" value="(\w+)"', page.text)[0]
    given = {"team": "", "version": version, "back": "show=none"}
    assert as_operator.post(url, {**given, "reason": ""}).status_code == 422
    assert as_operator.post(url, {"reason": "no team arrived", "version": version}).status_code == 422
    assert as_operator.post(url, {**given, "reason": "a test of <b>ours</b>"}, follow=True).status_code == 200
    row.refresh_from_db()
    assert (row.owner_team, row.owner_origin, row.owner_reason) == (None, "manual", "a test of <b>ours</b>")
    assert "orphan.example.org" not in as_operator.get("/ownership/").text.partition("<table")[2]


def test_who_comes_second_is_told_and_changes_nothing(
    as_operator: Client, administrator: User, other_team: Team, web_team: Team
) -> None:
    row = make_certificate("fast.example.org")
    version = re.findall(r'name="version" value="(\w+)"', as_operator.get("/ownership/").text)[0]
    assign_owner([row.pk], web_team, None, "faster", actor=administrator, now=NOW)
    given = {"team": "payments", "reason": "mine", "version": version, "back": ""}
    late = as_operator.post(f"/ownership/certificates/{row.pk}/", given, headers=HTMX)
    assert (late.status_code, "Somebody was faster: it belongs to Web now." in words(late)) == (422, True)
    row.refresh_from_db()
    assert row.owner_reason == "faster"
