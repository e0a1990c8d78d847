"""“Is this yours?”: who may ask whom how often, what the mail says, and what an answer does, once."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Role, Team, User
from accounts.services import close_accounts
from inventory.models import Certificate, Origin, OwnerQuestion
from inventory.services import assign_owner, recount
from inventory.services.questions import (
    LIFETIME,
    MOST_OF_ASKER,
    MOST_TO_ADDRESS,
    MailError,
    TooManyError,
    answer_question,
    ask_owner,
    find_question,
    send_question,
    withdraw_question,
)
from tests.conftest import NOW
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def row() -> Certificate:
    return make_certificate("shop.example.org")


def ask(row: Certificate, actor: User, team: Team, email: str = "pat@example.net", **options: Any) -> tuple[Any, str]:
    question, link = ask_owner(row, email, team, "", actor=actor, now=options.get("now", NOW))
    return question, link.rstrip("/").rpartition("/")[2]


def test_only_the_digest_of_the_link_is_kept(row: Certificate, operator: User, web_team: Team) -> None:
    question, raw = ask(row, operator, web_team, "Pat@Example.net")
    kept = str(OwnerQuestion.objects.values().get()) + str(AuditEvent.objects.values().get())
    assert (len(raw) >= 43, raw in kept) == (True, False)
    assert question.digest == hashlib.sha256(raw.encode()).hexdigest()
    assert (question.email, question.expires_at) == ("pat@example.net", NOW + LIFETIME)
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.after["email"]) == ("question.asked", operator, "pat@example.net")


def test_a_yes_gives_the_certificate_to_the_team_and_says_who_said_so(
    row: Certificate, operator: User, other_team: Team
) -> None:
    recount()
    question, raw = ask(row, operator, other_team)
    assert find_question(raw, NOW) == question
    assert answer_question(question, "yes", "Pat\u202e <i>", "since <b>2019</b>", now=NOW) is True
    row.refresh_from_db()
    assert (row.owner_team, row.owner_origin) == (other_team, Origin.MANUAL)
    assert row.owner_reason == "Pat‹U+202E› <i> answered yes on 2026-11-23, with the link for pat@example.net."
    changed, answered = AuditEvent.objects.filter(actor=None).order_by("number")
    assert (changed.verb, changed.after["asked_by"]) == ("certificate.owner_changed", "olga@example.org")
    assert (answered.verb, answered.after["answer"], answered.after["given"]) == ("question.answered", "yes", True)
    assert recount() == []


def test_an_answer_counts_once(row: Certificate, operator: User, web_team: Team) -> None:
    question, raw = ask(row, operator, web_team)
    assert answer_question(question, "no", "Pat", "", now=NOW) is False
    assert answer_question(question, "yes", "Mallory", "", now=NOW) is None
    assert find_question(raw, NOW) is None
    row.refresh_from_db()
    question.refresh_from_db()
    assert (row.owner_team, question.answer, question.answered_by) == (None, "no", "Pat")


def test_what_was_decided_since_is_not_overwritten(
    row: Certificate, operator: User, administrator: User, web_team: Team, other_team: Team
) -> None:
    question, _raw = ask(row, operator, web_team)
    assign_owner([row.pk], other_team, None, "they said so in the corridor", actor=administrator, now=NOW)
    assert answer_question(question, "yes", "Pat", "", now=NOW) is False
    row.refresh_from_db()
    assert row.owner_team == other_team
    assert AuditEvent.objects.get(verb="question.answered").after["given"] is False


def test_an_answer_reaches_no_further_than_whoever_asked(
    row: Certificate, operator: User, administrator: User, web_team: Team
) -> None:
    question, _raw = ask(row, operator, web_team)
    close_accounts([operator], administrator, NOW)
    assert answer_question(OwnerQuestion.objects.get(pk=question.pk), "yes", "Pat", "", now=NOW) is False
    row.refresh_from_db()
    assert row.owner_team is None
    User.objects.filter(pk=operator.pk).update(is_active=True, role=Role.VIEWER)
    again, _raw = ask(row, administrator, web_team)
    OwnerQuestion.objects.filter(pk=again.pk).update(asked_by=operator)
    assert answer_question(OwnerQuestion.objects.get(pk=again.pk), "yes", "Pat", "", now=NOW) is False


def test_links_end_are_withdrawn_and_replaced(row: Certificate, operator: User, web_team: Team) -> None:
    first, raw = ask(row, operator, web_team)
    assert find_question(raw, NOW + LIFETIME - SECOND) == first
    assert find_question(raw, NOW + LIFETIME) is None
    assert answer_question(first, "yes", "Pat", "", now=NOW + LIFETIME) is None
    second, newer = ask(row, operator, web_team)
    assert (find_question(raw, NOW), find_question(newer, NOW)) == (None, second)
    assert withdraw_question(second, actor=operator, now=NOW)
    assert not withdraw_question(second, actor=operator, now=NOW)
    assert find_question(newer, NOW) is None
    assert find_question("A" * 43, NOW) is find_question("", NOW) is None


def test_nobody_asks_or_withdraws_about_what_they_may_not_change(
    operator: User, stranger: User, viewer: User, web_team: Team
) -> None:
    row = make_certificate(owner_team=web_team)
    question, _raw = ask(row, operator, web_team)
    for person in (stranger, viewer):
        with pytest.raises(PermissionDenied):
            ask(row, person, web_team)
        with pytest.raises(PermissionDenied):
            withdraw_question(question, actor=person, now=NOW)


def test_nobody_asks_without_end_and_no_address_is_asked_without_end(
    row: Certificate, operator: User, administrator: User, web_team: Team
) -> None:
    for number in range(MOST_OF_ASKER):
        ask(row, operator, web_team, f"p{number}@example.net")
    with pytest.raises(TooManyError, match="within an hour"):
        ask(row, operator, web_team)
    ask(row, operator, web_team, now=NOW + timedelta(hours=1, seconds=1))
    for _ in range(MOST_TO_ADDRESS - 1):
        ask(row, administrator, web_team, "PAT@example.net", now=NOW + timedelta(hours=1))
    with pytest.raises(TooManyError, match="this address"):
        ask(row, administrator, web_team, now=NOW + timedelta(hours=1, seconds=2))


def test_the_mail_tells_what_it_is_about_in_one_line_each(
    organisation: Organisation, operator: User, web_team: Team
) -> None:
    nasty = "a.example\r\nBcc: all@example.org\r\n\r\n<script>\u202e"
    row = make_certificate(nasty, names=["b.example\nX: y"])
    question, link = ask_owner(row, "pat@example.net", web_team, "Hello\r\nhttps://ours", actor=operator, now=NOW)
    send_question(question, link)
    (sent,) = mail.outbox
    assert sent.recipients() == ["pat@example.net"]
    assert "\n" not in sent.subject.strip()
    assert sent.subject.startswith("Is this certificate yours? a.example‹U+000D›‹U+000A›Bcc: all")
    header = sent.message().as_string().partition("\n\n")[0]
    assert not re.search(r"^Bcc:", header, re.MULTILINE)
    body = str(sent.body)
    assert "b.example‹U+000A›x: y" in body
    assert "> Hello\n> https://ours\n" in body
    assert not re.search(r"^(Bcc|X):", body, re.MULTILINE)
    assert link in body
    assert "\u202e" not in body
    assert "Example CA 1" in body


def test_what_cannot_be_mailed_gives_the_link_back(
    row: Certificate, operator: User, web_team: Team, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    question, link = ask_owner(row, "pat@example.net", web_team, "", actor=operator, now=NOW)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise SMTPServerDisconnected("gone")

    monkeypatch.setattr("inventory.services.questions.send_mail", broken)
    with pytest.raises(MailError) as failed:
        send_question(question, link)
    assert failed.value.link == link
    settings.EMAIL_HOST, settings.EMAIL_BACKEND = "", "django.core.mail.backends.smtp.EmailBackend"
    with pytest.raises(MailError):
        send_question(question, link)
