"""Signing in and out: what is let in, what is refused in plain words, and what is recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, User
from accounts.services import tidy
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def no_attempts_yet(settings: Settings) -> None:
    cache.clear()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def sign_in(client: Client, email: str = "victor@example.org", password: str = PASSWORD) -> int:
    return client.post("/accounts/login/", {"login": email, "password": password}).status_code


def last_event() -> tuple[str, str, dict[str, object]]:
    event = AuditEvent.objects.order_by("-number")[0]
    return event.verb, event.actor_email, event.after


def code() -> str:
    return str(format_hotp_value(hotp_value(SECRET, list(yield_hotp_counters_from_time())[1])))


def test_password_lets_in_and_is_recorded(client: Client, viewer: User) -> None:
    assert sign_in(client, "Victor@Example.org") == 302
    assert client.session["_auth_user_id"] == str(viewer.pk)
    assert last_event() == ("session.signed_in", "victor@example.org", {"methods": ["password"]})
    event = AuditEvent.objects.get()
    assert (event.address, len(event.request_id)) == ("127.0.0.1", 32)


def test_a_wrong_password_is_recorded_without_it(client: Client, viewer: User) -> None:
    assert sign_in(client, password="not this one") == 200
    assert last_event() == ("session.refused", "", {"reason": "password"})
    assert AuditEvent.objects.get().subject_id == str(viewer.pk)
    assert "not this one" not in str(list(AuditEvent.objects.values()))


def test_after_five_wrong_passwords_the_right_one_must_wait(client: Client, viewer: User) -> None:
    for _attempt in range(5):
        sign_in(client, password="wrong")
    sign_in(client)
    assert "_auth_user_id" not in client.session
    assert AuditEvent.objects.filter(verb="session.refused").count() == 5


def test_nobody_signs_up_alone(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "eve@example.org", "password1": PASSWORD})
    assert not User.objects.exists()


@pytest.mark.parametrize("closed", [{"ends_at": timezone.now() - timedelta(days=1)}, {"is_active": False}])
def test_a_closed_account_is_refused_in_a_plain_sentence(
    client: Client, viewer: User, closed: dict[str, object]
) -> None:
    User.objects.update(**closed)
    response = client.post("/accounts/login/", {"login": "victor@example.org", "password": PASSWORD})
    assert response.status_code == 403
    assert "This account is closed" in response.content.decode()
    assert "_auth_user_id" not in client.session
    assert last_event()[0] == "session.refused"


def test_a_closed_account_is_not_told_from_others_without_its_password(client: Client, viewer: User) -> None:
    User.objects.update(is_active=False)
    response = client.post("/accounts/login/", {"login": "victor@example.org", "password": "guess"})
    assert "closed" not in response.content.decode()


def test_sessions_of_an_account_end_with_it(client: Client, viewer: User) -> None:
    sign_in(client)
    User.objects.update(ends_at=timezone.now() + timedelta(minutes=1))
    assert client.get("/profile/").status_code == 200
    User.objects.update(ends_at=timezone.now())
    assert client.get("/profile/").status_code == 302
    assert last_event()[0] == "session.ended"


def test_the_clock_ends_sessions_that_nobody_uses(client: Client, viewer: User) -> None:
    sign_in(client)
    User.objects.update(is_active=False)
    tidy(timezone.now())
    assert not UserSession.objects.exists()
    assert not client.session.exists(client.cookies["sessionid"].value)


def test_signing_out_is_recorded(client: Client, viewer: User) -> None:
    sign_in(client)
    client.post("/accounts/logout/")
    assert last_event()[:2] == ("session.signed_out", "victor@example.org")


def test_signing_out_works_even_if_it_cannot_be_recorded(client: Client, viewer: User, settings: Settings) -> None:
    sign_in(client)
    settings.AUDIT_HEADS = "/dev/full"
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db(transaction=True)
def test_signing_in_is_refused_if_it_cannot_be_recorded(client: Client, viewer: User, settings: Settings) -> None:
    settings.AUDIT_HEADS = "/dev/full"
    response = client.post("/accounts/login/", {"login": "victor@example.org", "password": PASSWORD})
    assert response.status_code == 503
    assert "Nothing was changed" in response.content.decode()
    assert client.get("/profile/").status_code == 302


def test_changing_the_password_is_recorded_and_told_by_mail(client: Client, viewer: User) -> None:
    sign_in(client)
    values = {"oldpassword": PASSWORD, "password1": "four other words here", "password2": "four other words here"}
    assert client.post("/accounts/password/change/", values).status_code == 302
    viewer.refresh_from_db()
    assert viewer.check_password("four other words here")
    assert last_event()[:2] == ("user.password_changed", "victor@example.org")
    assert mail.outbox[0].to == ["victor@example.org"]


@pytest.mark.django_db(transaction=True)
def test_the_password_stays_if_its_change_cannot_be_recorded(client: Client, viewer: User, settings: Settings) -> None:
    sign_in(client)
    settings.AUDIT_HEADS = "/dev/full"
    values = {"oldpassword": PASSWORD, "password1": "four other words here", "password2": "four other words here"}
    assert client.post("/accounts/password/change/", values).status_code == 503
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


def test_a_forgotten_password_is_reset_by_mail(client: Client, viewer: User, settings: Settings) -> None:
    client.post("/accounts/password/reset/", {"email": "victor@example.org"})
    body = str(mail.outbox[0].body)
    path = next(line for line in body.splitlines() if "/password/reset/key/" in line).partition(settings.BASE_URL)[2]
    form = client.get(path, follow=True).request["PATH_INFO"]
    client.post(form, {"password1": "four other words here", "password2": "four other words here"})
    viewer.refresh_from_db()
    assert viewer.check_password("four other words here")
    assert AuditEvent.objects.filter(verb="user.password_changed").exists()


def test_a_mail_leads_to_our_address_whatever_address_was_asked(
    client: Client, viewer: User, organisation: Organisation
) -> None:
    Organisation.objects.update(base_url="https://certs.example.org/")
    client.post("/accounts/password/reset/", {"email": "victor@example.org"}, headers={"Host": "localhost:6666"})
    body = str(mail.outbox[0].body)
    assert "https://certs.example.org/accounts/password/reset/key/" in body
    assert "The certificate dashboard of Example Group: https://certs.example.org/" in body
    assert "localhost" not in body


def test_no_mail_goes_to_an_address_without_account(client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": "stranger@example.org"})
    assert mail.outbox == []


def test_a_mail_server_that_is_away_does_not_break_the_page(client: Client, viewer: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
    settings.EMAIL_PORT = 1
    response = client.post("/accounts/password/reset/", {"email": "victor@example.org"})
    assert response.status_code == 302


def test_a_code_is_asked_for_after_the_password(client: Client, viewer: User) -> None:
    TOTP.activate(viewer, SECRET)
    sign_in(client)
    assert "_auth_user_id" not in client.session
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert last_event()[2] == {"reason": "totp"}
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert client.session["_auth_user_id"] == str(viewer.pk)
    assert last_event() == ("session.signed_in", "victor@example.org", {"methods": ["password", "totp"]})


def activate_totp(client: Client) -> int:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    session = client.session
    session["mfa.totp.secret"] = SECRET
    session.save()
    return client.post("/accounts/2fa/totp/activate/", {"code": code()}).status_code


def test_second_factors_are_recorded(client: Client, viewer: User) -> None:
    sign_in(client)
    assert activate_totp(client) == 302
    event = AuditEvent.objects.get(verb="user.factors_changed")
    assert event.before == {"factors": []}
    assert [factor.partition(" ")[0] for factor in event.after["factors"]] == ["totp", "recovery_codes"]
    assert SECRET not in str(list(AuditEvent.objects.values()))
    client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/totp/deactivate/")
    assert AuditEvent.objects.filter(verb="user.factors_changed").count() == 3
    assert not Authenticator.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_second_factor_is_not_added_if_it_cannot_be_recorded(
    client: Client, viewer: User, settings: Settings
) -> None:
    sign_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    settings.AUDIT_HEADS = "/dev/full"
    assert activate_totp(client) == 503
    assert not Authenticator.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nor_if_the_password_is_asked_in_between(client: Client, viewer: User, settings: Settings) -> None:
    sign_in(client)
    TOTP.activate(viewer, SECRET)
    suspended = client.post("/accounts/2fa/totp/deactivate/").headers["Location"]
    settings.AUDIT_HEADS = "/dev/full"
    assert client.post(suspended, {"password": PASSWORD}).status_code == 503
    assert Authenticator.objects.exists()


def test_other_sessions_can_be_ended_and_that_is_recorded(client: Client, viewer: User) -> None:
    other = Client()
    sign_in(other)
    sign_in(client)
    assert UserSession.objects.count() == 2
    client.post("/accounts/sessions/")
    assert other.get("/profile/").status_code == 302
    assert client.get("/profile/").status_code == 200
    assert last_event()[0] == "session.others_ended"


def test_nobody_changes_the_address_they_sign_in_with(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get("/accounts/email/").headers["Location"] == "/profile/"
    assert client.post("/accounts/email/", {"action_add": "", "email": "eve@example.org"}).status_code == 405
    assert not EmailAddress.objects.filter(email="eve@example.org").exists()


def test_signing_in_needs_no_file_that_is_open_to_others(client: Client, viewer: User, settings: Settings) -> None:
    sign_in(client)
    assert Path(settings.AUDIT_HEADS).stat().st_mode & 0o077 == 0
