"""Teams and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin.audited import AuditedAdmin
from accounts.admin.tables import TableAdmin
from accounts.models import Membership, Team
from accounts.resources import TeamTable
from accounts.services import why_team_is_kept

# The stubs make the class generic, Django itself does not.
if TYPE_CHECKING:
    MembershipInlineBase = admin.StackedInline[Membership, Any]
else:
    MembershipInlineBase = admin.StackedInline


class MembershipInline(MembershipInlineBase):
    """Plain selects: the admin's searching ones write inline styles, which our content security policy refuses."""

    model = Membership
    extra = 1


@admin.register(Team)
class TeamAdmin(TableAdmin):
    table = TeamTable
    list_display = ["name", "slug", "contact_email", "member_count", "owned"]
    search_fields = ["name", "slug", "contact_email", "memberships__user__email"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(member_total=Count("memberships"))

    @admin.display(description=_("members"), ordering="member_total")
    def member_count(self, team: Any) -> int:
        return int(team.member_total)

    @admin.display(description=_("owns"))
    def owned(self, team: Any) -> SafeString:
        """Lists of the inventory, by name: this app knows no other."""
        query = urlencode({"team": team.slug})
        lists = [("inventory:certificate_list", _("certificates")), ("inventory:endpoint_list", _("endpoints"))]
        links = ((f"{reverse(name)}?{query}", label) for name, label in lists)
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    def view_on_site(self, obj: Team) -> str:
        return f"{reverse('inventory:certificate_list')}?{urlencode({'team': obj.slug})}"

    def audited_state(self, obj: models.Model) -> dict[str, Any]:
        members = Membership.objects.filter(team=obj.pk).values_list("user__email", flat=True)
        return {**super().audited_state(obj), "members": sorted(members)}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse teams that own something: it would be shown to everybody as nobody's, and its totals would be lost."""
        objects, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return objects, counts, lacking, [*protected, *filter(None, map(why_team_is_kept, objs))]


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    list_display = ["user", "team"]
    list_filter = ["team"]
    search_fields = ["user__email", "user__name", "team__name"]
    list_select_related = ["user", "team"]
