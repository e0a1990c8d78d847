"""Accounts in the administration: invited, changed, closed."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.tables import TableAdmin
from accounts.admin.teams import MembershipInline
from accounts.forms import UserForm
from accounts.models import AuditEvent, Membership, Role, User
from accounts.resources import PersonTable
from accounts.services import (
    can_send_mail,
    close_accounts,
    end_sessions,
    invite,
    is_last_administrator,
    keep_email_address,
    remove_second_factors,
    require_administrator,
    require_lasting_administrator,
    send_invitation,
)


@admin.register(User)
class UserAdmin(TableAdmin):
    """Accounts. Creating one invites its person; nobody types a password for somebody else."""

    table = PersonTable
    form = UserForm
    list_display = ["email", "name", "role", "team_names", "is_active", "ends_at", "last_login"]
    list_filter = ["role", "is_active", "teams"]
    search_fields = ["email", "name"]
    readonly_fields = ["last_login", "date_joined"]
    fields = ["email", "name", "role", "is_active", "ends_at", "last_login", "date_joined"]
    inlines = [MembershipInline]
    actions = ["send_invitation_again", "close", "remove_factors"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("teams")

    def get_fields(self, _request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ["email", "name", "role", "ends_at"]

    def view_on_site(self, obj: User) -> str:
        """What this person did."""
        return f"{reverse('accounts:audit')}?{urlencode({'actor': obj.email})}"

    @admin.display(description=_("teams"))
    def team_names(self, user: User) -> str:
        return ", ".join(team.name for team in user.teams.all())

    def audited_state(self, obj: models.Model) -> dict[str, Any]:
        state = super().audited_state(obj)
        return {**state, "teams": sorted(Membership.objects.filter(user=obj.pk).values_list("team__name", flat=True))}

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        keep_email_address(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        user: User = form.instance
        require_lasting_administrator()
        if not user.is_active or user.has_ended(timezone.now()):
            end_sessions(user)
        elif not change:
            self._invite(request, user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Delete only accounts that never did anything: the others are closed, so that the record keeps its person."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and obj is not None and not _is_needed(obj)

    @admin.action(description=_("Send the invitation again"))
    def send_invitation_again(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset.filter(is_active=True):
            self._invite(request, user)

    @admin.action(description=_("Close the accounts and end their sessions"))
    def close(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        close_accounts(list(queryset), require_administrator(request.user), timezone.now())

    @admin.action(description=_("Remove second factors and passkeys (lost device)"))
    def remove_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            remove_second_factors(user, require_administrator(request.user), timezone.now())

    def _invite(self, request: HttpRequest, user: User) -> None:
        link = invite(user, require_administrator(request.user), timezone.now())
        # A mail must not leave for an account that is rolled back, and the mail server is not waited for in between.
        transaction.on_commit(partial(self._deliver, request, user, link))

    def _deliver(self, request: HttpRequest, user: User, link: str) -> None:
        by_hand = gettext("Give %(email)s this link; it works once, for a day: %(link)s")
        if not can_send_mail():
            messages.warning(request, by_hand % {"email": user.email, "link": link})
            return
        try:
            send_invitation(user, link)
        except OSError as error:
            messages.error(request, gettext("The mail server refused the invitation: %(error)s") % {"error": error})
            messages.warning(request, by_hand % {"email": user.email, "link": link})
        else:
            messages.success(request, gettext("An invitation was sent to %(email)s.") % {"email": user.email})


def _is_needed(user: User) -> bool:
    acted = AuditEvent.objects.filter(actor=user).exists()
    return acted or (user.role == Role.ADMINISTRATOR and is_last_administrator(user))
