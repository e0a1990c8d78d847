"""A finding that is somebody's to mend: who can be named, who is told, and what lists and pages say."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Role, Team, User
from policy.models import Finding
from policy.services.assigning import AssignedMeanwhileError, assign_finding, people_for, send_assignment
from tests.conftest import NOW, MakeUser
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def make_finding(**columns: Any) -> Finding:
    return Finding.objects.create(
        rule="weak_key", severity=3, sentence="About a <key>.", opened_at=NOW, confirmed_at=NOW, **columns
    )


@pytest.fixture
def finding(organisation: Organisation, web_team: Team) -> Finding:
    return make_finding(certificate=make_certificate("shop.example.org", owner_team=web_team))


def emails(finding: Finding, user: User) -> set[str]:
    return {person.email.partition("@")[0] for person in people_for(finding, user, NOW)}


@pytest.mark.usefixtures("viewer")
def test_only_people_who_see_it_can_be_named_and_whom_one_knows(
    finding: Finding,
    operator: User,
    stranger: User,
    administrator: User,
    auditor: User,
    make_user: MakeUser,
    web_team: Team,
    settings: Settings,
) -> None:
    closed = make_user("closed@example.org", Role.OPERATOR, web_team)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    ended = make_user("ended@example.org", Role.OPERATOR, web_team)
    User.objects.filter(pk=ended.pk).update(ends_at=NOW - timedelta(days=1))
    assert emails(finding, administrator) == {"ada", "audrey", "olga", "victor"}
    assert emails(finding, operator) == {"olga", "victor"}
    nobodys = make_finding(endpoint=make_endpoint())
    assert emails(nobodys, administrator) == {"ada", "audrey", "olga", "victor", "sam"}
    assert emails(nobodys, stranger) == {"sam"}
    settings.HIDE_UNOWNED = True
    assert emails(nobodys, administrator) == {"ada", "audrey"}
    with pytest.raises(PermissionDenied):
        assign_finding(finding, stranger, "", actor=administrator, now=NOW, was=None)
    with pytest.raises(PermissionDenied):
        assign_finding(finding, operator, "", actor=auditor, now=NOW, was=None)
    assert not assign_finding(finding, stranger, "", actor=stranger, now=NOW, was=None)
    assert AuditEvent.objects.count() == 0


def test_it_is_assigned_reassigned_and_taken_back_with_an_event_each(
    finding: Finding, operator: User, viewer: User
) -> None:
    assert assign_finding(finding, viewer, "please", actor=operator, now=NOW, was=None)
    assert not assign_finding(finding, viewer, "please", actor=operator, now=NOW, was=viewer.pk)
    with pytest.raises(AssignedMeanwhileError) as faster:
        assign_finding(finding, operator, "", actor=operator, now=NOW, was=None)
    assert faster.value.person == viewer
    assert assign_finding(finding, None, "ignored", actor=operator, now=NOW, was=viewer.pk)
    finding.refresh_from_db()
    assert (finding.assigned_to, finding.assigned_at, finding.assignment_note) == (None, None, "")
    first, last = AuditEvent.objects.order_by("number")
    assert (first.verb, first.after["person"], first.after["note"]) == (
        "finding.assigned",
        "victor@example.org",
        "please",
    )
    assert (last.before["person"], last.after["person"]) == ("victor@example.org", "")
    Finding.objects.filter(pk=finding.pk).update(closed_at=NOW)
    assert not assign_finding(finding, viewer, "", actor=operator, now=NOW, was=None)


def test_the_mail_is_for_the_person_and_no_name_gets_out_of_its_line(
    organisation: Organisation, operator: User, viewer: User, web_team: Team
) -> None:
    row = make_certificate("a\r\nBcc: all@example.org\u202e", owner_team=web_team)
    finding = make_finding(certificate=row, assigned_to=viewer, assigned_at=NOW, assignment_note="look <here>")
    assert send_assignment(finding, operator)
    (sent,) = mail.outbox
    assert sent.recipients() == ["victor@example.org"]
    header = sent.message().as_string().partition("\n\n")[0]
    assert not re.search(r"^Bcc:", header, re.MULTILINE)
    assert "a‹U+000D›‹U+000A›Bcc: all@example.org‹U+202E›" in str(sent.body)
    assert f"/findings/{finding.pk}/" in str(sent.body)
    assert "> look <here>" in str(sent.body)


def test_the_page_assigns_and_lists_find_what_is_mine(
    client: Client, finding: Finding, operator: User, viewer: User, stranger: User
) -> None:
    other = make_finding(endpoint=make_endpoint())
    client.force_login(operator)
    url = f"/findings/{finding.pk}/"
    page = client.get(url)
    assert "victor@example.org" in page.text
    assert "sam@example.org" not in page.text
    sent = {"assign-person": viewer.pk, "assign-note": "by <Friday>", "assign-was": ""}
    refused = client.post(f"{url}assign/", {**sent, "assign-person": stranger.pk})
    assert refused.status_code == 422
    assert client.post(f"{url}assign/", {"assign-note": ""}).status_code == 422
    done = client.post(f"{url}assign/", sent, headers=HTMX)
    said = html.unescape(re.sub(r"<[^>]+>", " ", done.text))
    assert "victor@example.org" in said
    assert "“by <Friday>”" in said
    assert mail.outbox[0].recipients() == ["victor@example.org"]
    late = client.post(f"{url}assign/", {**sent, "assign-person": operator.pk}, follow=True)
    assert (late.status_code, "Somebody was faster" in late.text) == (422, True)

    def listed(query: str) -> set[int]:
        return {row["finding"].pk for row in client.get(f"/findings/?{query}").context["rows"]}

    assert listed(f"assigned={viewer.pk}") == {finding.pk}
    assert listed("assigned=none") == {other.pk}
    assert listed("assigned=me") == set()
    assert listed(f"assigned=none&assigned={viewer.pk}") == {finding.pk, other.pk}
    for hidden in (str(stranger.pk), "999999", "9" * 30, "x"):
        assert "is not known" in client.get(f"/findings/?assigned={hidden}").text
    client.force_login(viewer)
    assert listed("assigned=me") == {finding.pk}
    assert "Assign to a person" not in client.get(url).text
