"""Asking whose a certificate is, and the page behind the link, which needs no account and tells nothing else."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Organisation, Team, User
from inventory.models import Certificate, OwnerQuestion
from inventory.services.questions import answer_question, ask_owner, withdraw_question
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
EVIL = "<img src=x onerror=alert(1)>.example"


def words(response: Any) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", response.text).split()))


@pytest.fixture
def row(organisation: Organisation, other_team: Team) -> Certificate:
    row = make_certificate("shop.example.org", names=[EVIL], issuer="Evil <b>CA</b>", notes="secret notes")
    make_endpoint("192.0.2.1", server_name="shop.example.org", certificate=row)
    make_endpoint("192.0.2.2", server_name="", certificate=row)
    make_endpoint("192.0.2.3", server_name="pay.example.org", certificate=row, owner_team=other_team)
    return row


@pytest.fixture
def path(row: Certificate, operator: User, web_team: Team) -> str:
    _question, link = ask_owner(row, "pat@example.net", web_team, "Hi <b>Pat</b>", actor=operator, now=timezone.now())
    return "/" + link.partition("://")[2].partition("/")[2]


def test_the_page_shows_what_is_needed_and_nothing_else(client: Client, path: str, row: Certificate) -> None:
    shown = client.get(path)
    said = words(shown)
    for word in ("shop.example.org", EVIL, "Evil <b>CA</b>", "shop.example.org:443", "Hi <b>Pat</b>", "team Web"):
        assert word in said
    for word in (
        "192.0.2",
        "pay.example.org",
        "Payments",
        "secret notes",
        row.sha256,
        f"/certificates/{row.pk}",
        "olaf",
    ):
        assert word not in shown.text
    assert "<img" not in shown.text
    assert shown.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in shown.headers["Cache-Control"]
    assert "noindex" in shown.headers["X-Robots-Tag"]


def test_looking_changes_nothing_and_sending_answers_once(client: Client, path: str, row: Certificate) -> None:
    for _ in range(3):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert OwnerQuestion.objects.get().answered_at is None
    missing = client.post(path, {"answer": "yes"})
    assert (missing.status_code, "aria-invalid" in missing.text) == (422, True)
    assert client.post(path, {"answer": "maybe", "name": "Pat"}).status_code == 422
    sneaky = client.post(path, {"answer": "yes", "name": "Pat\r\nBcc: x"})
    assert sneaky.status_code == 422
    done = client.post(path, {"answer": "yes", "name": "Pat", "note": "two\r\nlines"}, REMOTE_ADDR="127.0.0.9")
    assert "belongs to the team from now on" in words(done)
    row.refresh_from_db()
    assert row.owner_team is not None
    assert (row.owner_team.slug, OwnerQuestion.objects.get().note) == ("web", "two\r\nlines")
    assert AuditEvent.objects.get(verb="question.answered").address == "127.0.0.9"
    again = client.post(path, {"answer": "no", "name": "Mallory"})
    assert (again.status_code, "Pat" in again.text) == (404, False)


def test_every_link_that_does_not_work_gets_the_same_page(
    client: Client, row: Certificate, operator: User, web_team: Team
) -> None:
    def link(email: str, **ago: int) -> tuple[OwnerQuestion, str]:
        now = timezone.now()
        question, link = ask_owner(row, email, web_team, "", actor=operator, now=now - timedelta(**ago))
        return question, "/" + link.partition("://")[2].partition("/")[2]

    now = timezone.now()
    answered, first = link("a@example.net")
    answer_question(answered, "no", "Pat", "", now=now)
    withdrawn, second = link("b@example.net")
    withdraw_question(withdrawn, actor=operator, now=now)
    _expired, third = link("c@example.net", days=15)
    pages = {
        (response.status_code, re.sub(r'value="[^"]+"|[0-9a-f]{32}|X-CSRFToken[^}]+', "", words(response)))
        for url in (first, second, third, f"/yours/{'A' * 43}/", "/yours/x/")
        for response in (client.get(url), client.post(url, {"answer": "yes", "name": "Eve"}))
    }
    assert len(pages) == 1
    ((status, said),) = pages
    assert (status, "This link does not work" in said, "shop.example.org" in said) == (404, True, False)


def test_an_operator_asks_and_the_page_tells_what_became_of_it(
    client: Client, row: Certificate, operator: User, other_team: Team
) -> None:
    client.force_login(operator)
    url = f"/ownership/ask/{row.pk}/"
    assert "What they will see" in client.get(url).text
    wrong = {"email": "x@y.example\nBcc: all@example.org", "team": "payments", "message": ""}
    assert client.post(url, wrong).status_code == 422
    assert client.post(url, {"email": "pat@example.net", "message": ""}).status_code == 422
    assert mail.outbox == []
    asked = client.post(url, {"email": "pat@example.net", "team": "payments", "message": "Yours?"}, follow=True)
    assert "pat@example.net was asked" in words(asked)
    assert "no answer yet" in words(asked)
    assert len(mail.outbox) == 1
    question = OwnerQuestion.objects.get()
    answer_question(question, "no", "Pat <i>", "ask Kim", now=timezone.now())
    said = words(client.get(f"/certificates/{row.pk}/"))
    assert "Pat <i> said: not ours" in said
    assert "“ask Kim”" in said
    assert "Pat <i> (pat@example.net) said that it is not theirs." in words(client.get("/ownership/"))
    gone = client.post(f"/ownership/questions/{question.pk}/withdraw/", follow=True)
    assert "There was nothing to withdraw" in words(gone)


@pytest.mark.parametrize("address", ['"\x0b\x0bPay now"@example.net', '"\x0cReply-To:a@evil.example"@example.net'])
def test_an_address_that_would_break_the_headers_is_refused(
    client: Client, row: Certificate, operator: User, web_team: Team, address: str
) -> None:
    client.force_login(operator)
    answer = client.post(f"/ownership/ask/{row.pk}/", {"email": address, "team": "web", "message": ""})
    assert answer.status_code == 422
    assert not OwnerQuestion.objects.exists()


def test_without_a_mail_server_the_asker_gets_the_link(
    client: Client, row: Certificate, operator: User, web_team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("services", "views"):
        monkeypatch.setattr(f"inventory.{place}.questions.can_send_mail", lambda: False)
    client.force_login(operator)
    url = f"/ownership/ask/{row.pk}/"
    assert "No mail server is set, so they get no mail from here." in words(client.get(url))
    data = {"email": "pat@example.net", "team": "web", "message": ""}
    answer = client.post(url, data, follow=True)
    link = re.search(r"(/yours/[\w-]{43}/)", words(answer))
    assert link
    assert re.search(f'data-copy="https?://[^"/]+{link[1]}"', answer.text)
    client.logout()
    assert client.get(link[1]).status_code == 200
