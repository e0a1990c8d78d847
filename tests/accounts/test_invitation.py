"""Invitations: a person takes over the account that was made for them, once."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.services import invite
from tests.conftest import PASSWORD, MakeUser

pytestmark = pytest.mark.django_db
NEW = {"name": "Bob", "password": "a passphrase of four words"}


@pytest.fixture
def bob(make_user: MakeUser) -> User:
    user = make_user("bob@example.org")
    user.set_unusable_password()
    user.save()
    return user


def invited(user: User) -> str:
    return urlsplit(invite(user, None, timezone.now())).path


def test_person_sets_name_and_password_and_is_signed_in(client: Client, bob: User) -> None:
    assert client.get(invited(bob), follow=True).redirect_chain[-1][0] == "/invitation/"
    assert "bob@example.org" in client.get("/invitation/").content.decode()
    assert client.post("/invitation/", NEW).headers["Location"] == "/"
    bob.refresh_from_db()
    assert bob.name == "Bob"
    assert bob.check_password(NEW["password"])
    assert client.session["_auth_user_id"] == str(bob.pk)
    assert EmailAddress.objects.get(user=bob).verified
    assert AuditEvent.objects.filter(verb="user.joined", actor=bob).exists()


def test_looking_does_not_use_the_link_up_but_accepting_does(client: Client, bob: User) -> None:
    path = invited(bob)
    Client().get(path)
    client.get(path)
    client.post("/invitation/", NEW)
    assert Client().get(path).status_code == 404


def test_of_two_browsers_only_one_sets_the_password(client: Client, bob: User) -> None:
    path, other = invited(bob), Client()
    client.get(path)
    other.get(path)
    client.post("/invitation/", NEW)
    assert other.post("/invitation/", {**NEW, "password": "another phrase of mine"}).status_code == 404
    bob.refresh_from_db()
    assert bob.check_password(NEW["password"])


def test_inviting_again_closes_the_earlier_link(client: Client, bob: User) -> None:
    first, second = invited(bob), invited(bob)
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 302


def test_closed_and_ended_accounts_cannot_be_taken_over(client: Client, bob: User) -> None:
    path = invited(bob)
    User.objects.filter(pk=bob.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    client.get(path)
    assert client.post("/invitation/", NEW).status_code == 404
    bob.refresh_from_db()
    assert not bob.has_usable_password()


def test_a_setup_page_is_not_opened_by_an_invitation(client: Client, bob: User) -> None:
    token = invited(bob).rstrip("/").rpartition("/")[2]
    assert client.get(f"/setup/{token}/").status_code == 404


def test_opening_somebody_elses_link_signs_the_reader_out_first(client: Client, bob: User, viewer: User) -> None:
    client.force_login(viewer)
    client.get(invited(bob))
    assert "_auth_user_id" not in client.session
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)
