"""Single sign-on against a real provider on this machine: who becomes whom."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, Role, User
from accounts.services import keep_email_address
from tests.conftest import PASSWORD, MakeUser

pytestmark = pytest.mark.django_db


class Provider(ThreadingHTTPServer):
    """The smallest OpenID Connect provider: whoever asks is ``person``."""

    daemon_threads = True
    person: dict[str, Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        if self.path.endswith("openid-configuration"):
            ends = {name: f"{self.server.url}/{name}" for name in ("authorization", "token", "userinfo")}
            self.answer({"issuer": self.server.url, **{f"{name}_endpoint": end for name, end in ends.items()}})
        else:
            self.answer(self.server.person)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"access_token": "t", "token_type": "bearer"})

    def answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Be quiet."""


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    server = Provider(("127.0.0.1", 0), Answers)
    server.person = {"sub": "1", "email": "olivia@example.org", "email_verified": True, "name": "Olivia"}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    app = {"provider_id": "oidc", "name": "SSO", "client_id": "c", "secret": "s"}
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"APPS": [{**app, "settings": {"server_url": server.url, "verified_email": False}}]}
    }
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def sign_on(client: Client) -> Any:
    asked = client.post("/accounts/oidc/oidc/login/").headers["Location"]
    state = parse_qs(urlsplit(asked).query)["state"][0]
    return client.get("/accounts/oidc/oidc/login/callback/", {"code": "x", "state": state})


def test_a_new_person_becomes_a_viewer_without_a_team(client: Client, provider: Provider) -> None:
    assert sign_on(client).headers["Location"] == "/"
    user = User.objects.get()
    assert (user.email, user.name, user.role) == ("olivia@example.org", "Olivia", Role.VIEWER)
    assert not user.teams.exists()
    assert not user.has_usable_password()
    verbs = list(AuditEvent.objects.order_by("number").values_list("verb", flat=True))
    assert verbs == ["user.joined_by_sso", "session.signed_in"]


def test_the_same_person_again_is_the_same_account(client: Client, provider: Provider) -> None:
    sign_on(client)
    sign_on(Client())
    assert User.objects.count() == 1
    User.objects.update(role=Role.OPERATOR)
    sign_on(Client())
    assert User.objects.get().role == Role.OPERATOR


def test_a_known_address_is_linked_if_it_was_verified_and_keeps_its_role(
    client: Client, provider: Provider, make_user: MakeUser
) -> None:
    user = make_user("olivia@example.org", Role.ADMINISTRATOR)
    keep_email_address(user)
    sign_on(client)
    assert client.session["_auth_user_id"] == str(user.pk)
    assert SocialAccount.objects.get().user == user
    user.refresh_from_db()
    assert user.role == Role.ADMINISTRATOR
    assert user.check_password(PASSWORD)
    assert AuditEvent.objects.filter(verb="user.sso_linked").exists()


@pytest.mark.parametrize("claim", [False, "false", None, "", 0])
@pytest.mark.parametrize("known", [1, 0])
def test_an_unverified_address_is_nobody(
    client: Client, provider: Provider, make_user: MakeUser, claim: object, known: int
) -> None:
    if known:
        make_user("olivia@example.org", Role.ADMINISTRATOR)
    provider.person["email_verified"] = claim
    response = sign_on(client)
    assert response.status_code == 403
    assert "olivia@example.org" in response.content.decode()
    assert "_auth_user_id" not in client.session
    assert not SocialAccount.objects.exists()
    assert User.objects.count() == known
    assert AuditEvent.objects.get().verb == "session.refused"


def test_a_provider_can_be_trusted_with_its_addresses(client: Client, provider: Provider, settings: Settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["verified_email"] = True
    del provider.person["email_verified"]
    sign_on(client)
    assert User.objects.get().email == "olivia@example.org"


def test_a_person_without_address_is_refused(client: Client, provider: Provider) -> None:
    del provider.person["email"]
    assert sign_on(client).status_code == 403
    assert not User.objects.exists()


def test_a_closed_account_stays_closed(client: Client, provider: Provider) -> None:
    sign_on(client)
    User.objects.update(is_active=False)
    other = Client()
    assert sign_on(other).status_code == 403
    assert "_auth_user_id" not in other.session


def test_hidden_characters_in_a_name_keep_nobody_out(client: Client, provider: Provider) -> None:
    provider.person |= {"name": "Oli\u200bvia\u202e \u00a0de\n Vries\0", "locale": "x\0y"}
    assert sign_on(client).headers["Location"] == "/"
    assert User.objects.get().name == "Olivia de Vries"
    assert "\0" not in str(SocialAccount.objects.get().extra_data["userinfo"]["locale"])
    assert sign_on(Client()).headers["Location"] == "/"


def test_a_name_in_parts_is_put_together(client: Client, provider: Provider) -> None:
    del provider.person["name"]
    provider.person |= {"given_name": "Oli\u2060via", "family_name": "Vries"}
    sign_on(client)
    assert User.objects.get().name == "Olivia Vries"


@pytest.mark.parametrize("trusted", [True, False])
def test_an_address_that_only_looks_like_another_s_is_nobody_s(
    client: Client, provider: Provider, make_user: MakeUser, settings: Settings, *, trusted: bool
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["verified_email"] = trusted
    make_user("olivia@example.org", Role.ADMINISTRATOR)
    provider.person["email"] = "olivia@exam\u200bple.org"
    response = sign_on(client)
    assert response.status_code == 403
    assert "olivia@exam‹U+200B›ple.org" in response.text
    assert "characters that nobody sees" in response.text
    assert User.objects.count() == 1
    assert AuditEvent.objects.get().after == {"reason": "the address has hidden characters"}


def test_a_provider_that_answers_with_an_error_leads_back(client: Client, provider: Provider) -> None:
    for error, says in (("server_error", "Single sign-on did not work"), ("access_denied", "Sign-in cancelled")):
        asked = client.post("/accounts/oidc/oidc/login/").headers["Location"]
        state = parse_qs(urlsplit(asked).query)["state"][0]
        answer = client.get("/accounts/oidc/oidc/login/callback/", {"error": error, "state": state}, follow=True)
        assert says in answer.text
        assert 'href="/accounts/login/"' in answer.text
