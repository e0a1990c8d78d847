"""Mails to people about their account: our own words, short, plain, and what to do if it was not them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from allauth import __file__ as allauth
from allauth.account.adapter import get_adapter
from allauth.core import context
from django.core import mail
from django.test import Client, RequestFactory

from accounts.models import Organisation, User
from tests.conftest import NOW

pytestmark = pytest.mark.django_db

SENT = [
    "account/email/password_changed",
    "account/email/password_reset",
    "account/email/password_set",
    "mfa/email/recovery_codes_generated",
    "mfa/email/totp_activated",
    "mfa/email/totp_deactivated",
    "mfa/email/webauthn_added",
    "mfa/email/webauthn_removed",
    "socialaccount/email/account_connected",
    "socialaccount/email/account_disconnected",
]
# Of features that are not switched on here: sign-up, other addresses than the one, codes by mail.
NEVER_SENT = re.compile(r"/(account_already_exists|base|email_|login_code|password_reset_code|unknown_account)")


def test_who_forgot_their_password_is_told_who_asked_and_what_to_do(
    client: Client, viewer: User, organisation: Organisation
) -> None:
    Organisation.objects.update(name="Müller & <Söhne>")
    client.post("/accounts/password/reset/", {"email": "victor@example.org"}, REMOTE_ADDR="192.0.2.7")
    (sent,) = mail.outbox
    body = str(sent.body)
    assert sent.subject == "Choose a new password for the certificate dashboard"
    assert body.startswith("Somebody, probably you, asked for a new password for victor@example.org")
    assert "from the address 192.0.2.7." in body
    assert "once, for 3 days:" in body
    assert "If it was not you, do nothing" in body
    assert "The certificate dashboard of Müller & <Söhne>: " in body
    assert not getattr(sent, "alternatives", [])


@pytest.mark.parametrize("prefix", SENT)
def test_a_notice_says_what_happened_in_our_words(prefix: str, organisation: Organisation, viewer: User) -> None:
    request = RequestFactory().get("/", headers={"User-Agent": "Fox\u202e & <b>"}, REMOTE_ADDR="192.0.2.7")
    told = {"timestamp": NOW, "ip": "192.0.2.7", "user_agent": request.headers["User-Agent"], "provider": "Us & Them"}
    with context.request_context(request):
        get_adapter().send_mail(prefix, viewer.email, told)
    (sent,) = mail.outbox
    body = str(sent.body)
    assert re.fullmatch(r"[A-Z][a-z -]+", str(sent.subject))
    assert "From the address: 192.0.2.7" in body
    assert "With the browser: Fox‹U+202E› & <b>" in body
    assert "If it was not you" in body
    assert re.search(r"^http\S+[^/]/accounts/password/reset/$", body, re.MULTILINE)
    assert not re.search(r"Hello from|Thank you|third-party", body)
    assert ("Us & Them" in body) == prefix.startswith("socialaccount")


def test_no_mail_of_ours_has_the_words_of_the_library() -> None:
    """A mail that a new release of the library adds is either written by us or known never to be sent."""
    stock = {
        f"{path.parent.parent.name}/email/{path.name.removesuffix('_message.txt')}"
        for path in Path(allauth).parent.glob("templates/*/email/*_message.txt")
    }
    sent = {prefix for prefix in stock if not NEVER_SENT.search(prefix)}
    assert sent - {"account/email/password_reset_key"} == set(SENT)


def test_pages_spell_e_mail_in_one_way(client: Client) -> None:
    for path in ("/accounts/login/", "/accounts/password/reset/"):
        page = client.get(path).text
        assert "E-mail" in page
        assert not re.search(r"Email|Remember Me", page)
