"""Saved views in the administration: those that more than one person has. Private ones are their owner's alone."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin.facts import ReadOnlyAdmin
from accounts.models import SavedView


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    """To read; its name, audience and end are decided where it is used."""

    list_display = ["name", "page", "audience", "team", "owner", "is_default", "opened"]
    list_filter = ["page", "audience", "team"]
    list_select_related = ["team", "owner"]
    search_fields = ["name", "query", "team__name", "owner__email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        views: QuerySet[SavedView] = super().get_queryset(request)
        return views.exclude(audience=SavedView.Audience.PRIVATE)

    @admin.display(description=_("open"))
    def opened(self, row: SavedView) -> SafeString | str:
        url = self.view_on_site(row)
        return format_html('<a href="{}">{}</a>', url, _("open")) if url else ""

    def view_on_site(self, obj: SavedView) -> str | None:
        """A view of a team is opened by its people."""
        is_open = obj.audience == SavedView.Audience.EVERYONE
        return reverse("accounts:view_open", args=[obj.pk]) if is_open else None
