"""The Django admin of findings: to read, to find, and with the way to the page where each is worked on."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from certdash.lib.inert import visible
from policy.models import Finding


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ["shown_sentence", "severity", "rule", "assigned_to", "opened_at", "closed_at", "page"]
    list_filter = ["severity", "closing", ("assigned_to", admin.EmptyFieldListFilter)]
    list_select_related = ["assigned_to"]
    # What an index answers: the name of a rule, or who has it.
    search_fields = ["=rule", "=assigned_to__email"]
    search_help_text = _("The name of a rule, or the e-mail address of the person who has it, in full")
    ordering = ["-pk"]

    @admin.display(description=_("finding"))
    def shown_sentence(self, row: Finding) -> str:
        return visible(row.sentence)

    @admin.display(description=_("page"))
    def page(self, row: Finding) -> SafeString:
        return format_html('<a href="{}">{}</a>', self.view_on_site(row), _("open"))

    def view_on_site(self, obj: Finding) -> str:
        return reverse("policy:finding_detail", args=[obj.pk])
