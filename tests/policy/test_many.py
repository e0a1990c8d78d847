"""Many findings at once: who may be given them, what is left out, and what is asked again before it is done."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Team, User
from policy.models import Finding
from policy.services import OtherFindingsError, Wanted, change_findings, many, sort_findings
from policy.services.many import ACKNOWLEDGE, ASSIGN
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
URL = "/findings/change/"


def make_finding(rule: str = "weak_key", **columns: Any) -> Finding:
    return Finding.objects.create(
        rule=rule, severity=3, sentence="About it.", opened_at=NOW, confirmed_at=NOW, **columns
    )


@pytest.fixture
def findings(organisation: Organisation, web_team: Team, other_team: Team) -> dict[str, Finding]:
    return {
        "web": make_finding(certificate=make_certificate("web.example.org", owner_team=web_team)),
        "node": make_finding(endpoint=make_endpoint("192.0.2.1", owner_team=web_team)),
        "payments": make_finding(certificate=make_certificate("pay.example.org", owner_team=other_team)),
        "nobodys": make_finding(certificate=make_certificate("left.example.org")),
    }


def mine(user: User) -> set[int]:
    return set(Finding.objects.filter(assigned_to=user).values_list("pk", flat=True))


def pks(findings: dict[str, Finding], *names: str) -> list[int]:
    return [findings[name].pk for name in names or findings]


def version(chosen: list[int], wanted: Wanted, user: User) -> str:
    return sort_findings(chosen, wanted, user).version


def test_what_the_person_does_not_see_is_left_out_and_counted(
    findings: dict[str, Finding], administrator: User, viewer: User, settings: Settings
) -> None:
    wanted, chosen = Wanted(ASSIGN, viewer, "please"), pks(findings)
    shown = version(chosen, wanted, administrator)
    done = change_findings(chosen, wanted, actor=administrator, now=NOW, version=shown)
    assert (len(done.changing), done.unseen, done.same) == (3, 1, 0)
    assert mine(viewer) == set(pks(findings, "web", "node", "nobodys"))
    event = AuditEvent.objects.get()
    assert (event.verb, event.after["count"], event.after["left_out"]) == ("findings.assigned", 3, 1)
    assert (len(event.after["digest"]), event.after["person"]) == (64, "victor@example.org")
    assert {row["person"] for row in event.before["first"]} == {""}
    settings.HIDE_UNOWNED = True
    assert sort_findings(chosen, wanted, administrator).unseen == 2
    assert sort_findings(chosen, wanted, viewer).unseen == 0


def test_rows_of_others_are_not_changed_whatever_was_sent(
    findings: dict[str, Finding], operator: User, viewer: User, stranger: User, auditor: User
) -> None:
    chosen, wanted = pks(findings), Wanted(ASSIGN, operator)
    shown = version(chosen, wanted, operator)
    change_findings(chosen, wanted, actor=operator, now=NOW, version=shown)
    assert mine(operator) == set(pks(findings, "web", "node", "nobodys"))
    for actor, person in ((operator, stranger), (viewer, viewer), (auditor, operator)):
        given = Wanted(ASSIGN, person)
        shown = version(chosen, given, actor)
        with pytest.raises(PermissionDenied):
            change_findings(chosen, given, actor=actor, now=NOW, version=shown)
    assert not mine(stranger)


def test_what_somebody_took_after_it_was_shown_is_not_taken_from_them(
    findings: dict[str, Finding], operator: User, viewer: User
) -> None:
    chosen, wanted = pks(findings, "web", "node"), Wanted(ASSIGN, operator)
    shown = version(chosen, wanted, operator)
    Finding.objects.filter(pk=findings["web"].pk).update(assigned_to=viewer)
    with pytest.raises(OtherFindingsError):
        change_findings(chosen, wanted, actor=operator, now=NOW, version=shown)
    assert not mine(operator)
    again = sort_findings(chosen, wanted, operator)
    assert again.taken == 1
    change_findings(chosen, wanted, actor=operator, now=NOW, version=again.version)
    same = sort_findings(chosen, wanted, operator)
    assert (len(mine(operator)), same.same, len(same.changing)) == (2, 2, 0)
    nobody = Wanted(ASSIGN, None, "nobody reads this")
    change_findings(chosen, nobody, actor=operator, now=NOW, version=version(chosen, nobody, operator))
    assert not Finding.objects.exclude(assigned_to=None, assigned_at=None, assignment_note="").exists()


def test_acknowledging_many_leaves_those_that_are(findings: dict[str, Finding], operator: User, viewer: User) -> None:
    Finding.objects.filter(pk=findings["web"].pk).update(acknowledged_at=NOW, acknowledged_by=viewer)
    chosen, wanted = pks(findings, "web", "node"), Wanted(ACKNOWLEDGE)
    change_findings(chosen, wanted, actor=operator, now=NOW, version=version(chosen, wanted, operator))
    assert set(Finding.objects.filter(acknowledged_by=operator)) == {findings["node"]}
    assert AuditEvent.objects.get().verb == "findings.acknowledged"


def test_the_list_has_ticks_and_the_page_shows_before_it_does(
    client: Client, findings: dict[str, Finding], operator: User, viewer: User, stranger: User
) -> None:
    Finding.objects.filter(pk=findings["nobodys"].pk).update(closed_at=NOW, closing="observed")
    client.force_login(operator)
    page = client.get("/findings/?state=any").text
    assert len(re.findall(r"data-tick\b", page.replace("data-tick-all", ""))) == 2
    assert "all 3 that match" in page
    sent = {"scope": "all", "query": "state=any", "expected": "3", "kind": ASSIGN}
    form = client.post(URL, sent)
    assert "victor@example.org" in form.text
    assert "sam@example.org" not in form.text
    asked = {**sent, "assign-person": viewer.pk, "assign-note": "by <Friday>"}
    assert client.post(URL, {**asked, "assign-person": stranger.pk, "step": "go"}).status_code == 422
    shown = client.post(URL, {**asked, "step": "preview"})
    assert "1 of them is closed" in shown.text
    assert "by &lt;Friday&gt;" in shown.text
    assert not mine(viewer)
    assert "These are not the findings" in client.post(URL, {**asked, "expected": "4", "step": "preview"}).text
    assert "These are not the findings" in client.post(URL, {**asked, "step": "go"}).text
    done = client.post(URL, {**asked, "step": "go", "seen": shown.context["sorted"].version}, follow=True)
    assert "2 findings are assigned to victor@example.org. 1 was left out." in done.text
    assert mine(viewer) == set(pks(findings, "web", "node"))
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["victor@example.org"], "For you to mend: 2 findings")
    assert "> by <Friday>" in letter.body
    assert "web.example.org" in letter.body
    client.force_login(viewer)
    assert "data-tick" not in client.get("/findings/").text
    assert client.post(URL, asked).status_code == 403


def test_more_than_can_be_done_at_once_is_said_and_refused(
    client: Client, findings: dict[str, Finding], operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy.views.AT_ONCE", 2)
    client.force_login(operator)
    assert "at most 2 at once" in client.get("/findings/").text
    refused = client.post(URL, {"scope": "all", "query": "", "kind": ACKNOWLEDGE, "step": "go"})
    assert (refused.status_code, "More than 2 findings match" in refused.text) == (422, True)
    for sent in ({"kind": ASSIGN}, {"pk": "x", "kind": ASSIGN}, {"pk": "1", "kind": "retire"}):
        assert client.post(URL, sent).status_code == 422
    hidden = client.post(URL, {"scope": "all", "query": "team=payments", "kind": ACKNOWLEDGE})
    assert (hidden.status_code, "is not known" in hidden.text) == (422, True)
    ticked = client.post(URL, {"pk": pks(findings, "web", "payments"), "kind": ACKNOWLEDGE})
    assert "1 of them is closed, not yours" in ticked.text
    assert not Finding.objects.exclude(acknowledged_at=None).exists()
    assert many.AT_ONCE == 500
