"""The Django admin: people, teams, the organisation; and the mixin that makes every admin class leave audit events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import model_ngettext
from django.db import models, transaction
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import OrganisationForm, UserForm
from accounts.models import AuditEvent, Membership, Organisation, Role, Team, User
from accounts.services import (
    audit,
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
from certdash.lib.inert import visible

Action = Callable[..., Any]
# What the audit log calls a bulk action once it is done; each of its rows has an event of its own beside it.
_DONE = {"close": "closed_in_bulk", "remove_factors": "factors_removed", "send_invitation_again": "invited_again"}
# The stubs make these classes generic, Django itself does not.
if TYPE_CHECKING:
    ModelAdminBase = admin.ModelAdmin[Any]
    MembershipInlineBase = admin.StackedInline[Membership, Any]
else:
    ModelAdminBase, MembershipInlineBase = admin.ModelAdmin, admin.StackedInline


class AuditedAdmin(ModelAdminBase):
    """Every save, deletion and action is one audit event in the same transaction; no other class is served.

    ``audited_state`` says what of an object is compared before and after; secrets are dropped by name.
    """

    is_audited = True

    def audited_state(self, obj: models.Model) -> dict[str, Any]:
        return {field.name: field.value_from_object(obj) for field in obj._meta.concrete_fields if field.editable}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Call a query that no column can be asked wrong; Django itself only knows some of these errors."""
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, TypeError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        stored = self.model._default_manager.filter(pk=obj.pk).first() if change else None
        form.audited_before = self.audited_state(stored) if stored else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Called after everything of the object is saved, in the same transaction."""
        super().save_related(request, form, formsets, change)
        before = form.audited_before
        after = self.audited_state(self.model._default_manager.get(pk=form.instance.pk))
        changed = {name for name in after if before.get(name) != after[name]}
        if changed:
            old, new = ({name: state.get(name) for name in changed if name in state} for state in (before, after))
            self._audit(request, "changed" if change else "created", form.instance, old, new)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._audit(request, "deleted", obj, self.audited_state(obj), {})
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._audit_many(request, "deleted", queryset)
        super().delete_queryset(request, queryset)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Put every action into one transaction with one event. Deletion has its event from ``delete_queryset``."""
        found: dict[str, Any] = super().get_actions(request) or {}
        return {
            name: (function if name == "delete_selected" else self._audited(name, function), name, description)
            for name, (function, _name, description) in found.items()
        }

    def _audited(self, name: str, function: Action) -> Action:
        @wraps(function)
        def audited(modeladmin: AuditedAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            with transaction.atomic():
                self._audit_many(request, _DONE[name], queryset)
                response: HttpResponse | None = function(modeladmin, request, queryset)
            return response

        return audited

    def _audit(self, request: HttpRequest, verb: str, subject: Any, before: Any, after: Any) -> None:
        verb = f"{self.opts.model_name}.{verb}"
        audit(require_administrator(request.user), verb, subject, before, after, now=timezone.now())

    def _audit_many(self, request: HttpRequest, verb: str, queryset: QuerySet[Any]) -> None:
        """Record a bulk change as one event: how many, and a digest of which."""
        keys = sorted(str(key) for key in queryset.values_list("pk", flat=True))
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        after = {"count": len(keys), "sha256_of_ids": digest, "first_ids": keys[:20]}
        self._audit(request, verb, str(self.opts.verbose_name_plural), {}, after)


class ReadOnlyAdmin(AuditedAdmin):
    """Facts: shown, never changed by hand. What strangers wrote into them is shown without hidden characters."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return _inert(super().changelist_view(request, extra_context))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return _inert(super().changeform_view(request, object_id, form_url, extra_context))

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class MembershipInline(MembershipInlineBase):
    """Plain selects: the admin's searching ones write inline styles, which our content security policy refuses."""

    model = Membership
    extra = 1


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """Accounts. Creating one invites its person; nobody types a password for somebody else."""

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


@admin.register(Team)
class TeamAdmin(AuditedAdmin):
    list_display = ["name", "slug", "contact_email", "member_count"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(member_total=Count("memberships"))

    @admin.display(description=_("members"), ordering="member_total")
    def member_count(self, team: Any) -> int:
        return int(team.member_total)

    def audited_state(self, obj: models.Model) -> dict[str, Any]:
        members = Membership.objects.filter(team=obj.pk).values_list("user__email", flat=True)
        return {**super().audited_state(obj), "members": sorted(members)}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse teams that own something: it would be shown to everybody as nobody's, and its totals would be lost."""
        objects, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return objects, counts, lacking, [*protected, *filter(None, map(_why_kept, objs))]


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    list_display = ["user", "team"]
    list_filter = ["team"]
    search_fields = ["user__email", "user__name", "team__name"]
    list_select_related = ["user", "team"]


@admin.register(Organisation)
class OrganisationAdmin(AuditedAdmin):
    form = OrganisationForm
    list_display = ["name", "timezone", "base_url"]

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


def _inert(response: HttpResponse) -> HttpResponse:
    if isinstance(response, SimpleTemplateResponse):
        response.add_post_render_callback(_show_hidden)
    return response


def _show_hidden(response: SimpleTemplateResponse) -> None:
    response.content = "\n".join(map(visible, response.content.decode().split("\n"))).encode()


def _why_kept(team: Team) -> str:
    """Say what the team owns: whatever would be left without an owner. Empty if that is nothing."""
    owned = []
    for relation in Team._meta.related_objects:
        if relation.on_delete is models.SET_NULL:
            count = relation.related_model._base_manager.filter(**{relation.field.name: team}).count()
            owned += [f"{count} {model_ngettext(relation.related_model._meta, count)}"] if count else []
    if not owned:
        return ""
    sentence = gettext("The team %(team)s owns %(owned)s. Assign them to another team first.")
    return sentence % {"team": team, "owned": ", ".join(owned)}


def _is_needed(user: User) -> bool:
    acted = AuditEvent.objects.filter(actor=user).exists()
    return acted or (user.role == Role.ADMINISTRATOR and is_last_administrator(user))
