"""The administration: for administrators alone, audited throughout, and never without a last administrator."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.core import mail
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.admin import AuditedAdmin
from accounts.models import AuditEvent, Membership, Organisation, Role, Team, User
from accounts.services import close_accounts, is_last_administrator, require_lasting_administrator
from tests.conftest import NOW, PASSWORD, MakeUser

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def form(user: User | None = None, **changes: Any) -> dict[str, Any]:
    """The fields of the form of an account, as a browser would send them."""
    values = {"email": "new@example.org", "name": "", "role": "viewer"}
    if user:
        values = {"email": user.email, "name": user.name, "role": user.role, "is_active": "on"}
    rows = list(user.memberships.all()) if user else []
    inline: dict[str, Any] = {"memberships-TOTAL_FORMS": len(rows), "memberships-INITIAL_FORMS": len(rows)}
    for at, row in enumerate(rows):
        fields = {"id": row.pk, "user": row.user_id, "team": row.team_id}
        inline |= {f"memberships-{at}-{name}": value for name, value in fields.items()}
    return {**values, **inline, **{key: value for key, value in changes.items() if value is not None}}


def change(client: Client, user: User, **changes: Any) -> int:
    values = {key: value for key, value in form(user, **changes).items() if changes.get(key, "") is not False}
    return client.post(f"{USERS}{user.pk}/change/", values).status_code


def act(client: Client, action: str, *users: User) -> int:
    values = {"action": action, "_selected_action": [user.pk for user in users]}
    return client.post(USERS, values).status_code


def last_event() -> AuditEvent:
    return AuditEvent.objects.order_by("-number")[0]


# --- who gets in ----------------------------------------------------------------------------------


def test_only_administrators_get_in(client: Client, viewer: User, operator: User, auditor: User) -> None:
    for person in (viewer, operator, auditor):
        client.force_login(person)
        assert client.get("/admin/", follow=True).status_code == 403
        assert client.post(f"{USERS}add/", form(), follow=True).status_code == 403
    assert User.objects.count() == 3


def test_strangers_are_led_to_the_one_sign_in_page(client: Client) -> None:
    assert client.get("/admin/login/?next=/admin/").headers["Location"] == "/accounts/login/?next=%2Fadmin%2F"
    chain = client.get("/admin/accounts/user/", follow=True).redirect_chain
    assert chain[-1][0] == "/accounts/login/?next=/admin/accounts/user/"


def test_only_audited_classes_are_served() -> None:
    assert [model for model, served in admin.site._registry.items() if not isinstance(served, AuditedAdmin)] == []


def test_a_class_of_ours_that_leaves_no_trace_is_refused() -> None:
    class Untraced(admin.ModelAdmin):  # type: ignore[type-arg]
        __module__ = "inventory.admin"

    with pytest.raises(ImproperlyConfigured, match="AuditedAdmin"):
        admin.site.register(AuditEvent, Untraced)


def test_every_page_of_the_administration_opens(office: Client, web_team: Team, organisation: Organisation) -> None:
    for model, served in admin.site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        if model._meta.app_label != "accounts":
            continue
        assert office.get(base).status_code == 200
        assert office.get(f"{base}?q=x").status_code == 200
        assert served.opts.model is model
    assert office.get(f"/admin/accounts/team/{web_team.pk}/change/").status_code == 200
    assert office.get(f"{USERS}add/").status_code == 200


# --- inviting -------------------------------------------------------------------------------------


def test_creating_an_account_invites_by_mail(
    office: Client, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with django_capture_on_commit_callbacks(execute=True):
        assert office.post(f"{USERS}add/", form(email="Bob@Example.org", role="operator")).status_code == 302
    user = User.objects.get(email="bob@example.org")
    assert (user.role, user.has_usable_password(), user.is_active) == (Role.OPERATOR, False, True)
    assert EmailAddress.objects.get(user=user).verified
    assert mail.outbox[0].to == ["bob@example.org"]
    link = re.search(r"http://\S+(/invitation/\S+/)", str(mail.outbox[0].body))
    assert link
    assert Client().get(link[1]).status_code == 302
    verbs = list(AuditEvent.objects.order_by("number").values_list("verb", flat=True))
    assert verbs == ["user.created", "user.invited"]


@pytest.mark.django_db(transaction=True)
def test_without_a_mail_server_the_link_is_shown(office: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.filebased.EmailBackend", ""
    office.post(f"{USERS}add/", form())
    assert "/invitation/" in office.get(USERS).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_refuses_is_named_and_the_link_shown(office: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    office.post(f"{USERS}add/", form())
    page = office.get(USERS).content.decode()
    assert "refused the invitation" in page
    assert "/invitation/" in page


def test_the_invitation_can_be_sent_again(
    office: Client,
    viewer: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with django_capture_on_commit_callbacks(execute=True):
        act(office, "send_invitation_again", viewer)
    assert mail.outbox[0].to == ["victor@example.org"]


def test_an_address_is_taken_in_any_spelling(office: Client, viewer: User) -> None:
    response = office.post(f"{USERS}add/", form(email="VICTOR@example.org"))
    assert "There is an account with this address" in response.content.decode()


# --- changing -------------------------------------------------------------------------------------


def test_a_change_of_role_and_teams_is_one_event(office: Client, viewer: User, other_team: Team) -> None:
    teams = {"memberships-TOTAL_FORMS": 2, "memberships-1-user": viewer.pk, "memberships-1-team": other_team.pk}
    assert change(office, viewer, role="operator", **teams) == 302
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor_email, event.subject_id) == ("user.changed", "ada@example.org", str(viewer.pk))
    assert event.before == {"role": "viewer", "teams": ["Web"]}
    assert event.after == {"role": "operator", "teams": ["Payments", "Web"]}


def test_saving_without_a_change_is_no_event(office: Client, viewer: User) -> None:
    assert change(office, viewer) == 302
    assert not AuditEvent.objects.exists()


def test_a_new_address_signs_in_and_the_old_one_no_longer(office: Client, viewer: User) -> None:
    Client().post("/accounts/login/", {"login": "victor@example.org", "password": PASSWORD})
    change(office, viewer, email="vic@example.org")
    for address, answer in [("victor@example.org", 200), ("vic@example.org", 302)]:
        response = Client().post("/accounts/login/", {"login": address, "password": PASSWORD})
        assert response.status_code == answer


def test_closing_an_account_ends_its_sessions(office: Client, viewer: User) -> None:
    other = Client()
    other.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    assert change(office, viewer, is_active=False) == 302
    assert not UserSession.objects.filter(user=viewer).exists()
    assert other.get("/profile/").status_code == 302


def test_lost_second_factors_can_be_removed(office: Client, viewer: User) -> None:
    TOTP.activate(viewer, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    act(office, "remove_factors", viewer)
    assert not Authenticator.objects.filter(user=viewer).exists()
    assert last_event().verb == "user.factors_changed"


@pytest.mark.django_db(transaction=True)
def test_nothing_changes_if_it_cannot_be_recorded(office: Client, viewer: User, settings: Settings) -> None:
    settings.AUDIT_HEADS = "/dev/full"
    assert change(office, viewer, role="administrator") == 503
    assert act(office, "close", viewer) == 503
    viewer.refresh_from_db()
    assert (viewer.role, viewer.is_active) == (Role.VIEWER, True)


def test_a_bulk_action_is_one_event_with_count_and_digest(office: Client, viewer: User, operator: User) -> None:
    act(office, "close", viewer, operator)
    bulk = AuditEvent.objects.get(verb="user.closed_in_bulk")
    assert bulk.after["count"] == 2
    assert len(bulk.after["sha256_of_ids"]) == 64


def test_deleting_teams_in_bulk_is_one_event(office: Client, web_team: Team, other_team: Team) -> None:
    values = {"action": "delete_selected", "_selected_action": [web_team.pk, other_team.pk], "post": "yes"}
    office.post("/admin/accounts/team/", values)
    assert not Team.objects.exists()
    assert AuditEvent.objects.get().after["count"] == 2


def test_a_team_shows_its_members_and_records_them(
    office: Client, web_team: Team, viewer: User, operator: User
) -> None:
    page = office.get("/admin/accounts/team/").content.decode()
    assert '<td class="field-member_count">2</td>' in page
    Membership.objects.filter(user=operator).delete()
    office.post(f"/admin/accounts/team/{web_team.pk}/delete/", {"post": "yes"})
    event = AuditEvent.objects.get()
    assert (event.verb, event.before["members"]) == ("team.deleted", ["victor@example.org"])


def test_there_is_one_organisation_that_is_neither_added_nor_deleted(
    office: Client, organisation: Organisation
) -> None:
    assert office.get("/admin/accounts/organisation/add/").status_code == 403
    assert office.get("/admin/accounts/organisation/1/delete/").status_code == 403
    values = {"name": "New name", "timezone": "UTC", "base_url": "", "daily_mail_hour": "7"}
    office.post("/admin/accounts/organisation/1/change/", values)
    assert AuditEvent.objects.get().after == {"name": "New name"}


# --- the last administrator -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{"role": "viewer"}, {"is_active": False}, {"ends_at": "2030-01-01T00:00"}],
    ids=["demoted", "deactivated", "ended"],
)
def test_the_last_administrator_stays(office: Client, administrator: User, changes: dict[str, Any]) -> None:
    assert change(office, administrator, **changes) == 200
    assert is_last_administrator(administrator)
    assert not AuditEvent.objects.exists()


def test_the_last_administrator_can_be_neither_deleted_nor_closed(office: Client, administrator: User) -> None:
    assert office.post(f"{USERS}{administrator.pk}/delete/", {"post": "yes"}).status_code == 403
    assert act(office, "close", administrator) == 403
    assert User.objects.get(pk=administrator.pk).is_active


def test_one_of_two_administrators_may_go(office: Client, administrator: User, make_user: MakeUser) -> None:
    make_user("second@example.org", Role.ADMINISTRATOR)
    assert change(office, administrator, role="auditor") == 302


def test_an_invited_administrator_who_never_came_does_not_count(administrator: User, make_user: MakeUser) -> None:
    invited = make_user("second@example.org", Role.ADMINISTRATOR)
    invited.set_unusable_password()
    invited.save()
    assert is_last_administrator(administrator)
    User.objects.filter(pk=invited.pk).update(last_login=NOW)
    assert not is_last_administrator(administrator)


def test_services_refuse_to_leave_nobody(administrator: User) -> None:
    with pytest.raises(PermissionDenied):
        close_accounts([administrator], administrator, timezone.now())
    User.objects.update(ends_at=timezone.now() + timedelta(days=900))
    with pytest.raises(PermissionDenied):
        require_lasting_administrator()


# --- deleting -------------------------------------------------------------------------------------


def test_an_account_that_did_something_is_closed_not_deleted(office: Client, viewer: User) -> None:
    Client().post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})
    assert office.post(f"{USERS}{viewer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in office.get(USERS).content.decode()


def test_an_account_that_did_nothing_can_be_deleted(office: Client, viewer: User) -> None:
    assert office.post(f"{USERS}{viewer.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=viewer.pk).exists()
    assert (last_event().verb, last_event().subject) == ("user.deleted", "victor@example.org")
