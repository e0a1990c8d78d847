"""What people set about themselves, and only that."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import AuditEvent, Role, User

pytestmark = pytest.mark.django_db


def test_everybody_changes_their_own_settings(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    values = {"name": "Victor V.", "timezone": "Europe/Zurich", "theme": "dark"}
    assert client.post("/profile/", values).status_code == 302
    viewer.refresh_from_db()
    assert (viewer.name, viewer.timezone, viewer.theme) == ("Victor V.", "Europe/Zurich", "dark")
    assert viewer.keyboard_shortcuts is False
    event = AuditEvent.objects.get()
    before = {"name": "", "timezone": "", "theme": "", "daily_mail": True, "keyboard_shortcuts": True}
    assert event.before == before
    assert viewer.daily_mail is False
    assert event.after["theme"] == "dark"


def test_saving_the_same_again_is_no_event(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    values = {"name": "", "timezone": "", "theme": "", "daily_mail": "on", "keyboard_shortcuts": "on"}
    client.post("/profile/", values)
    assert not AuditEvent.objects.exists()


def test_role_and_address_cannot_be_slipped_in(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    whole = {"timezone": "", "theme": ""}
    client.post(
        "/profile/", {**whole, "name": "V", "role": "administrator", "email": "root@example.org", "is_active": ""}
    )
    viewer.refresh_from_db()
    assert (viewer.role, viewer.email, viewer.is_active) == (Role.VIEWER, "victor@example.org", True)


def test_a_part_of_the_form_empties_nothing(client: Client, viewer: User) -> None:
    User.objects.filter(pk=viewer.pk).update(name="Victor", theme="dark")
    client.force_login(viewer)
    for sent in ({}, {"name": "Vic"}, {"timezone": "", "theme": ""}):
        assert client.post("/profile/", sent).status_code == 422
    viewer.refresh_from_db()
    assert (viewer.name, viewer.theme, viewer.keyboard_shortcuts) == ("Victor", "dark", True)


def test_a_name_is_one_line_that_shows_all_that_is_in_it(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    refused = client.post("/profile/", {"name": "Vic\u202etor", "timezone": "", "theme": ""})
    assert refused.status_code == 422
    assert "has characters that nobody sees" in refused.text
    viewer.refresh_from_db()
    assert viewer.name == ""


def test_a_zone_that_does_not_exist_is_refused(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert client.post("/profile/", {"timezone": "Mars/Olympus"}).status_code == 422


def test_the_page_leads_to_everything_about_signing_in(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    page = client.get("/profile/").content.decode()
    for path in ("password/change/", "2fa/", "2fa/webauthn/", "sessions/"):
        assert f'href="/accounts/{path}"' in page


def test_strangers_are_asked_who_they_are(client: Client) -> None:
    assert client.get("/profile/").headers["Location"] == "/accounts/login/?next=/profile/"
