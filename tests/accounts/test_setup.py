"""The first run: one link, one administrator, one organisation."""

from __future__ import annotations

import threading
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Role, SetupToken, User
from accounts.services import (
    TakenError,
    create_first_administrator,
    find_token,
    issue_setup_link,
    next_setup_url,
    setup_steps,
)
from tests.conftest import NOW, PASSWORD, MakeUser

ADA = {"email": "Ada@Example.org", "name": "Ada", "password": PASSWORD}

pytestmark = pytest.mark.django_db


def link() -> str:
    return urlsplit(issue_setup_link(NOW)).path


def raw(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


@pytest.fixture(autouse=True)
def at_now() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


def test_front_page_leads_to_setup_which_says_where_the_link_is(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/setup/"
    page = client.get("/setup/").content.decode()
    assert "manage.py setup --link" in page


def test_from_the_link_to_a_signed_in_administrator_and_an_organisation(client: Client) -> None:
    assert client.get(link(), follow=True).redirect_chain[-1][0] == "/setup/administrator/"
    response = client.post("/setup/administrator/", ADA)
    assert response.headers["Location"] == "/setup/organisation/"
    user = User.objects.get()
    assert (user.email, user.role, user.name, user.date_joined) == ("ada@example.org", "administrator", "Ada", NOW)
    page = client.get("/setup/organisation/").content.decode()
    assert 'value="http://testserver"' in page
    values = {"name": "Example Group", "timezone": "Europe/Zurich", "base_url": "https://certs.example.org"}
    assert client.post("/setup/organisation/", values).status_code == 302
    organisation = Organisation.objects.get()
    assert (organisation.name, organisation.timezone, organisation.set_up_at) == ("Example Group", "Europe/Zurich", NOW)
    verbs = list(AuditEvent.objects.order_by("number").values_list("verb", flat=True))
    assert verbs == ["setup.administrator_created", "session.signed_in", "organisation.changed"]
    assert PASSWORD not in str(list(AuditEvent.objects.values()))


def test_only_the_digest_of_the_token_is_stored(client: Client) -> None:
    token = raw(link())
    assert len(token) == 43
    assert token not in str(list(SetupToken.objects.values()))
    client.get(f"/setup/{token}/")
    assert token not in str(dict(client.session))


def test_a_newer_link_replaces_the_earlier_one(client: Client) -> None:
    first, second = link(), link()
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 302


def test_a_link_lasts_a_day(client: Client) -> None:
    path = link()
    with time_machine.travel(NOW + timedelta(hours=24), tick=False):
        assert client.get(path).status_code == 404
    with time_machine.travel(NOW + timedelta(hours=23), tick=False):
        assert client.get(path).status_code == 302


def test_a_wrong_token_opens_nothing(client: Client) -> None:
    link()
    assert client.get(f"/setup/{'A' * 43}/").status_code == 404
    assert client.get("/setup/administrator/").headers["Location"] == "/setup/"
    assert client.post("/setup/administrator/", ADA).headers["Location"] == "/setup/"
    assert not User.objects.exists()


def test_the_link_is_dead_once_somebody_has_an_account(client: Client, make_user: MakeUser) -> None:
    path = link()
    client.get(path)
    make_user("first@example.org")
    assert client.post("/setup/administrator/", ADA).headers["Location"] == "/setup/"
    assert client.get(path).status_code == 404
    assert client.get("/setup/").headers["Location"] == "/"
    assert User.objects.count() == 1


def test_of_two_browsers_the_second_is_told_that_it_was_too_late(client: Client) -> None:
    path, other = link(), Client()
    for browser in (client, other):
        browser.get(path)
        browser.get("/setup/")
    client.post("/setup/administrator/", ADA)
    response = other.post("/setup/administrator/", {**ADA, "email": "eve@example.org"}, follow=True)
    assert User.objects.count() == 1
    assert "_auth_user_id" not in other.session
    assert response.redirect_chain[0][0] == "/setup/"


@pytest.mark.django_db(transaction=True)
def test_two_browsers_at_the_same_moment_make_one_administrator() -> None:
    token = find_token(raw(link()), NOW)
    assert token is not None
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def run(email: str) -> None:
        together.wait(10)
        try:
            create_first_administrator(token, email, "", PASSWORD, NOW)
            outcomes.append("made")
        except TakenError:
            outcomes.append("taken")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(f"{n}@example.org",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["made", "taken"]
    assert User.objects.count() == 1


def test_a_weak_password_is_refused_in_words(client: Client) -> None:
    client.get(link())
    response = client.post("/setup/administrator/", {**ADA, "password": "ada@example.org"})
    assert response.status_code == 422
    assert "too similar" in response.content.decode()
    assert not User.objects.exists()


def test_only_administrators_see_the_later_steps(client: Client, viewer: User, auditor: User) -> None:
    assert client.get("/setup/organisation/").status_code == 302
    for person in (viewer, auditor):
        client.force_login(person)
        assert client.get("/setup/organisation/").status_code == 403
        assert client.post("/setup/organisation/", {"name": "Mine", "timezone": "UTC"}).status_code == 403
    assert not Organisation.objects.exists()


def test_an_interrupted_setup_goes_on_where_it_stopped(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    assert client.get("/setup/").headers["Location"] == "/setup/organisation/"
    Organisation.objects.create(pk=1, set_up_at=NOW)
    assert client.get("/setup/").headers["Location"] == "/"


def test_the_chain_leaves_out_pages_that_are_not_built(settings: Settings) -> None:
    here = "accounts:setup_administrator"
    settings.SETUP_STEPS = [(here, "A"), ("nowhere:page", "B"), ("accounts:setup_organisation", "C")]
    assert [(s.number, s.label, s.state) for s in setup_steps(here)] == [(1, "A", "current"), (2, "C", "ahead")]
    assert next_setup_url(here) == reverse("accounts:setup_organisation")
    assert next_setup_url("accounts:setup_organisation") == "/"


def test_who_stopped_after_the_first_account_is_led_back_to_the_rest(client: Client, make_user: MakeUser) -> None:
    make_user("ada@example.org", Role.ADMINISTRATOR)
    make_user("victor@example.org")
    for person, leads_to in (("ada@example.org", "/setup/"), ("victor@example.org", "/")):
        answer = Client().post("/accounts/login/", {"login": person, "password": PASSWORD})
        assert answer.headers["Location"] == leads_to
    client.force_login(User.objects.get(email="ada@example.org"))
    assert client.get("/setup/").headers["Location"] == "/setup/organisation/"
    Organisation.objects.update_or_create(pk=1, defaults={"set_up_at": NOW})
    assert Client().post("/accounts/login/", ADA | {"login": "ada@example.org"}).headers["Location"] == "/"


def test_without_a_network_the_first_scan_leads_back_to_naming_one(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    page = client.get(reverse("discovery:setup_first_scan")).content.decode()
    assert "Nothing may be scanned yet" in page
    assert f'href="{reverse("discovery:setup_networks")}"' in page
    client.post(reverse("discovery:setup_networks"), {"networks": "127.0.0.7/32", "allows_special": "on"})
    assert "Nothing may be scanned yet" not in client.get(reverse("discovery:setup_first_scan")).content.decode()
