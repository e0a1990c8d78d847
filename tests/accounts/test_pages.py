"""The pages on which people sign in and look after their account, as somebody new reads them."""

from __future__ import annotations

import html
import re

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.models import Organisation, User
from accounts.services import audit
from tests.conftest import NOW, PASSWORD

pytestmark = pytest.mark.django_db

ANYBODY = {
    "/accounts/login/": "Sign in",
    "/accounts/password/reset/": "Forgotten password",
    "/accounts/password/reset/done/": "Look into your mail",
    "/accounts/password/reset/key/done/": "Your password is changed",
    "/accounts/password/reset/key/x-y/": "This link does not work any more",
    "/accounts/signup/": "Accounts are made by invitation",
    "/accounts/inactive/": "This account is closed",
    "/accounts/3rdparty/login/cancelled/": "Sign-in cancelled",
    "/invitation/": "This link no longer works",
}
SIGNED_IN = {
    "/profile/": "Profile",
    "/accounts/password/change/": "Password",
    "/accounts/sessions/": "Sessions",
    "/accounts/2fa/": "Sign-in and passkeys",
    "/accounts/2fa/webauthn/": "Passkeys and security keys",
    "/accounts/2fa/webauthn/add/": "Add a passkey",
    "/accounts/2fa/totp/activate/": "Set up an authenticator app",
    "/accounts/logout/": "Sign out",
}


@pytest.fixture
def known(client: Client, organisation: Organisation, viewer: User, settings: Settings) -> Client:
    """Somebody who has just typed their password, so that nothing asks for it again."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()
    client.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def words(text: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", text).split()))


def heading(page: str) -> str:
    headings = re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    assert len(headings) == 1
    return words(headings[0])


def title(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert found
    return words(found[1])


@pytest.mark.parametrize(("url", "says"), ANYBODY.items())
def test_a_page_for_anybody_says_what_it_is_and_has_a_way_out(url: str, says: str, client: Client) -> None:
    page = client.get(url, follow=True).text
    assert heading(page) == says
    assert re.fullmatch(r"\S.* · certdash", title(page))
    main = page[page.index("<main") : page.index("</main>")]
    assert re.search(r'<a [^>]*href="/|<form', main)


@pytest.mark.parametrize(("url", "says"), SIGNED_IN.items())
def test_a_page_of_ones_own_says_what_it_is(url: str, says: str, known: Client) -> None:
    page = known.get(url, follow=True).text
    assert heading(page) == says
    assert title(page) == f"{says} · Example Group"


def test_sessions_show_what_a_browser_calls_itself_without_hidden_characters(known: Client, viewer: User) -> None:
    alone = known.get("/accounts/sessions/").text
    assert "You are signed in nowhere else." in alone
    other = Client(headers={"User-Agent": "Mozilla\u00ad"})
    other.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    both = known.get("/accounts/sessions/").text
    assert both.count("this one") == 1
    assert "End all other sessions" in both
    known.post("/accounts/sessions/")
    assert other.get("/profile/").status_code == 302
    assert known.get("/profile/").status_code == 200


def test_a_key_is_renamed_and_removed_on_pages_that_lead_back(known: Client, viewer: User) -> None:
    key = Authenticator.objects.create(user=viewer, type="webauthn", data={"name": "Blue\u202e", "credential": {}})
    renaming, removing = (known.get(f"/accounts/2fa/webauthn/keys/{key.pk}/{what}/") for what in ("edit", "remove"))
    for page in (renaming, removing):
        assert 'href="/accounts/2fa/webauthn/"' in page.text
    assert "Blue‹U+202E›" in removing.text


def test_without_a_mail_server_nobody_is_told_to_wait_for_mail(client: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.filebased.EmailBackend", ""
    page = client.get("/accounts/password/reset/").text
    assert "This dashboard sends no mail." in page
    assert "Send the link" not in page
    assert "Back to sign-in" in page


def test_too_many_attempts_are_answered_in_a_sentence(client: Client) -> None:
    cache.clear()
    answers = [client.post("/accounts/password/reset/", {"email": "a@example.org"}) for _attempt in range(21)]
    assert answers[-1].status_code == 429
    assert heading(answers[-1].text) == "Too many attempts"


def test_the_columns_of_the_audit_log_stand_under_their_heads(
    client: Client, organisation: Organisation, administrator: User, viewer: User
) -> None:
    audit(administrator, "user.changed", viewer, {}, {"name": "V"}, now=NOW)
    client.force_login(administrator)
    page = client.get("/audit/").text
    heads = [words(head) for head in re.findall(r'<th scope="col".*?</th>', page, re.DOTALL)]
    row = page[page.index('<tr id="event-1"') :]
    cells = [words(cell) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
    told = dict(zip(heads, cells, strict=True))
    assert (told["Event"], told["What"], told["Who"]) == ("1", "User changed", "ada@example.org")
    assert told["To what"].startswith("victor@example.org")
    assert "2026" in told["When"]
