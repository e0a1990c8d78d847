"""The Django admin of the inventory: facts to read, tags and trust stores to keep."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, TableAdmin
from certdash.lib.inert import visible
from inventory.forms import RuleForm, TagForm, TrustStoreForm
from inventory.models import BulkChange, Certificate, Endpoint, Import, Issuer, OwnershipRule, Tag, TrustStore
from inventory.resources import RuleTable
from inventory.services import judge_paths_again, next_position


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    list_display = ["shown_name", "not_after", "owner_team", "key_label", "nodes_serving", "page"]
    list_filter = ["kind", "environment", "worst_severity", "owner_origin", "conforming", "key_type"]
    list_select_related = ["owner_team"]
    search_fields = ["name", "sha256", "serial_number", "issuer__label"]
    show_full_result_count = False

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, row: Certificate) -> str:
        return visible(row.name)

    @admin.display(description=_("page"))
    def page(self, row: Certificate) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: Certificate) -> str:
        return reverse("inventory:certificate_detail", args=[obj.pk])


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ["place", "server_name", "protocol", "outcome", "owner_team", "last_seen_at", "page"]
    list_filter = ["outcome", "protocol", "tls_version", "zone", "worst_severity"]
    list_select_related = ["owner_team"]
    search_fields = ["server_name", "service"]
    show_full_result_count = False
    exclude = ["address"]

    @admin.display(description=_("page"))
    def page(self, row: Endpoint) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: Endpoint) -> str:
        return reverse("inventory:endpoint_detail", args=[obj.pk])


@admin.register(Issuer)
class IssuerAdmin(ReadOnlyAdmin):
    list_display = ["shown_label", "organisation", "page"]
    search_fields = ["label", "organisation", "name"]
    show_full_result_count = False

    @admin.display(description=_("label"), ordering="label")
    def shown_label(self, row: Issuer) -> str:
        return visible(row.label)

    @admin.display(description=_("page"))
    def page(self, row: Issuer) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: Issuer) -> str:
        return reverse("inventory:issuer_detail", args=[obj.pk])


@admin.register(Tag)
class TagAdmin(AuditedAdmin):
    """A tag that goes is taken off everything that carries it; the event says how much that was."""

    form = TagForm
    list_display = ["name", "certificate_count", "endpoint_count"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        tags: QuerySet[Tag] = super().get_queryset(request)
        carried = {noun: Count(f"{noun}s", distinct=True) for noun in ("certificate", "endpoint")}
        return tags.annotate(**{f"{noun}_total": total for noun, total in carried.items()})

    @admin.display(description=_("certificates"), ordering="certificate_total")
    def certificate_count(self, tag: Any) -> int:
        return int(tag.certificate_total)

    @admin.display(description=_("endpoints"), ordering="endpoint_total")
    def endpoint_count(self, tag: Any) -> int:
        return int(tag.endpoint_total)

    def audited_state(self, obj: Any) -> dict[str, Any]:
        return {
            **super().audited_state(obj),
            "certificates": obj.certificates.count(),
            "endpoints": obj.endpoints.count(),
        }

    def get_deleted_objects(self, objs: Any, _request: HttpRequest) -> Any:
        """Count what carries the tags instead of listing it."""
        tags = list(objs)
        carried = {
            model._meta.verbose_name_plural: model.objects.filter(tags__in=tags).distinct().count()
            for model in (Certificate, Endpoint)
        }
        return [str(tag) for tag in tags], {_("tags"): len(tags), **carried}, set(), []


@admin.register(TrustStore)
class TrustStoreAdmin(AuditedAdmin):
    form = TrustStoreForm
    list_display = ["name", "added_at"]
    search_fields = ["name"]
    readonly_fields = ["added_at"]
    taken_as_is = ["pem"]

    def save_model(self, request: HttpRequest, obj: TrustStore, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.added_at = timezone.now()
        super().save_model(request, obj, form, change)
        judge_paths_again(timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TrustStore]) -> None:
        super().delete_queryset(request, queryset)
        judge_paths_again(timezone.now())

    def delete_model(self, request: HttpRequest, obj: TrustStore) -> None:
        super().delete_model(request, obj)
        judge_paths_again(timezone.now())


class RuleAdminForm(RuleForm):
    """What the page of a rule refuses is refused here in the same words; the last word counts."""

    version = None  # type: ignore[assignment]  # Django takes a declared field away by this


@admin.register(OwnershipRule)
class OwnershipRuleAdmin(TableAdmin):
    table = RuleTable
    form = RuleAdminForm
    list_display = ["name", "position", "enabled", "name_pattern", "network", "tag", "team", "environment", "page"]
    list_filter = ["enabled", "team", "environment", "criticality"]
    list_select_related = ["team"]
    search_fields = ["name", "name_pattern", "network", "issuer_pattern", "tag", "source_pattern", "application"]
    ordering = ["position", "pk"]

    @admin.display(description=_("page"))
    def page(self, row: OwnershipRule) -> SafeString:
        return _link(reverse("inventory:rule_edit", args=[row.pk]))

    def view_on_site(self, obj: OwnershipRule) -> str:
        return reverse("inventory:rule_edit", args=[obj.pk])

    def make_table(self) -> RuleTable:
        """What the form refuses is refused of a row in the same words."""
        return RuleTable(form=RuleAdminForm)

    def save_model(self, request: HttpRequest, obj: OwnershipRule, form: Any, change: bool) -> None:  # noqa: FBT001
        """A new one is asked last; either waits until somebody applies the rules."""
        if not change:
            obj.position = next_position()
        obj.applied_at = None
        super().save_model(request, obj, form, change)


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """What people brought in. Storing and taking back stand on its page."""

    list_display = ["shown_name", "step", "status", "requested_by", "new", "known", "refused", "created_at", "page"]
    list_filter = ["step", "status", "form"]
    list_select_related = ["requested_by"]
    search_fields = ["name", "requested_by__email"]
    show_full_result_count = False
    exclude = ["upload"]

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, row: Import) -> str:
        return visible(row.name)

    @admin.display(description=_("page"))
    def page(self, row: Import) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: Import) -> str:
        return reverse("inventory:import_detail", args=[obj.pk])


@admin.register(BulkChange)
class BulkChangeAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "status", "requested_by", "changed", "skipped", "created_at", "page"]
    list_filter = ["kind", "subject", "status"]
    list_select_related = ["requested_by"]
    search_fields = ["requested_by__email", "reason", "query"]
    show_full_result_count = False

    @admin.display(description=_("page"))
    def page(self, row: BulkChange) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: BulkChange) -> str:
        return reverse("inventory:change_detail", args=[obj.pk])


def _link(url: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, _("open"))
