"""The Django admin of mails: who was told what, to read. Sending again is done on the page of a letter."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from alerts.models import Letter, Mailing
from certdash.lib.inert import visible


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    list_display = ["shown_subject", "recipient", "kind", "state", "attempts", "created_at", "sent_at", "page"]
    list_filter = ["state", "kind"]
    # Letters are kept for 13 months, one or two for each person and day.
    search_fields = ["recipient", "subject"]
    # The text stands on the page, which says who may read it.
    exclude = ["body", "certificates"]

    @admin.display(description=_("subject"))
    def shown_subject(self, row: Letter) -> str:
        return visible(row.subject)

    @admin.display(description=_("page"))
    def page(self, row: Letter) -> SafeString:
        return format_html('<a href="{}">{}</a>', self.view_on_site(row), _("open"))

    def view_on_site(self, obj: Letter) -> str:
        return reverse("alerts:letter_detail", args=[obj.pk])


@admin.register(Mailing)
class MailingAdmin(ReadOnlyAdmin):
    list_display = ["subject", "requested_by", "status", "certificates", "total", "created_at", "page"]
    list_filter = ["status"]
    list_select_related = ["requested_by"]
    search_fields = ["subject", "requested_by__email"]

    @admin.display(description=_("page"))
    def page(self, row: Mailing) -> SafeString:
        return format_html('<a href="{}">{}</a>', self.view_on_site(row), _("open"))

    def view_on_site(self, obj: Mailing) -> str:
        return reverse("alerts:mailing_detail", args=[obj.pk])
