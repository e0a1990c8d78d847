"""The Django admin of the inventory: facts to read, tags, trust stores and rules to keep.

Trust stores and rules are written by the services that pages and commands call, which record the change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, ServedAdmin, TableAdmin
from accounts.models import User
from accounts.services import require_administrator
from certdash.lib.inert import visible
from inventory import filters
from inventory.forms import RuleForm, TagForm, TrustStoreForm
from inventory.models import BulkChange, Certificate, Endpoint, Import, Issuer, OwnershipRule, Tag, TrustStore
from inventory.resources import RuleTable
from inventory.services import delete_rule, keep_trust_store, remove_trust_store, save_rule

# As many as an address holds; of more, all that match are changed from the list.
MOST_LED = 300


class OwnedAdmin(ReadOnlyAdmin):
    """Facts that belong to somebody: found as in the lists, changed by the pages that show what would change."""

    actions = ["change_owner", "change_tags", "retire"]
    exclude: ClassVar[list[str]] = ["owner_origin"]
    readonly_fields: ClassVar[list[str]] = ["owner_known"]
    select: Callable[..., Any]
    change_url: ClassVar[str]
    # What the search of a list leaves out unless it is asked for.
    everything: ClassVar[dict[str, str]] = {"retired": "any"}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the indexes that answer the search of the list: a look through every row would grow with the estate."""
        if not search_term:
            return queryset, False
        asked = urlencode({"q": search_term, **self.everything})
        found = type(self).select(asked, require_administrator(request.user), timezone.now())
        return (
            queryset.none() if found.errors else queryset.filter(pk__in=found.queryset.order_by().values("pk"))
        ), False

    @admin.display(description=_("owner known"))
    def owner_known(self, row: Certificate | Endpoint) -> str:
        return row.owner_known

    @admin.action(description=_("Change the owner"))
    def change_owner(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._lead(request, queryset, BulkChange.Kind.OWNER)

    @admin.action(description=_("Change tags"))
    def change_tags(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._lead(request, queryset, BulkChange.Kind.TAGS)

    @admin.action(description=_("Retire"))
    def retire(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._lead(request, queryset, BulkChange.Kind.RETIRE)

    def _lead(self, request: HttpRequest, queryset: QuerySet[Any], kind: str) -> HttpResponse | None:
        """To the page that asks what exactly, and shows what would change before it does."""
        pks = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_LED + 1])
        if len(pks) > MOST_LED:
            sentence = gettext("More than %(most)s are chosen: filter the list outside the administration instead.")
            messages.error(request, sentence % {"most": MOST_LED})
            return None
        return redirect(f"{reverse(self.change_url)}?{urlencode({'kind': kind, 'pk': pks}, doseq=True)}")


@admin.register(Certificate)
class CertificateAdmin(OwnedAdmin):
    select = filters.certificates
    change_url = "inventory:certificate_change"
    everything: ClassVar[dict[str, str]] = {"retired": "any", "kind": "any"}
    list_display = ["shown_name", "not_after", "owner_team", "key_label", "nodes_serving", "page"]
    list_filter = ["kind", "environment", "worst_severity", "owner_origin", "conforming", "key_type"]
    list_select_related = ["owner_team"]
    search_fields = ["name", "sha256", "serial_number", "issuer__label"]

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, row: Certificate) -> str:
        return visible(row.name)

    @admin.display(description=_("page"))
    def page(self, row: Certificate) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: Certificate) -> str:
        return reverse("inventory:certificate_detail", args=[obj.pk])


@admin.register(Endpoint)
class EndpointAdmin(OwnedAdmin):
    select = filters.endpoints
    change_url = "inventory:endpoint_change"
    list_display = ["place", "server_name", "protocol", "outcome", "owner_team", "last_seen_at", "page"]
    list_filter = ["outcome", "protocol", "tls_version", "zone", "worst_severity"]
    list_select_related = ["owner_team"]
    search_fields = ["server_name", "service"]
    exclude: ClassVar[list[str]] = ["address", "owner_origin"]

    @admin.display(description=_("page"))
    def page(self, row: Endpoint) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: Endpoint) -> str:
        return reverse("inventory:endpoint_detail", args=[obj.pk])


@admin.register(Issuer)
class IssuerAdmin(ReadOnlyAdmin):
    list_display = ["shown_label", "organisation", "page"]
    search_fields = ["label", "organisation", "name"]

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
class TrustStoreAdmin(ServedAdmin):
    form = TrustStoreForm
    list_display = ["name", "added_at"]
    search_fields = ["name"]
    readonly_fields = ["added_at"]
    taken_as_is = ["pem"]

    def save_model(self, request: HttpRequest, obj: TrustStore, _form: Any, change: bool) -> None:  # noqa: FBT001
        stored = TrustStore.objects.get(pk=obj.pk) if change else None
        actor = require_administrator(request.user)
        obj.pk = keep_trust_store(obj.name, obj.pem, actor=actor, now=timezone.now(), store=stored).pk

    def delete(self, row: TrustStore, actor: User) -> None:
        remove_trust_store(row, actor=actor, now=timezone.now())


class RuleAdminForm(RuleForm):
    """What the page of a rule refuses is refused here in the same words; the last word counts."""

    version = None  # type: ignore[assignment]  # Django takes a declared field away by this


@admin.register(OwnershipRule)
class OwnershipRuleAdmin(ServedAdmin, TableAdmin):
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

    def save_model(self, request: HttpRequest, obj: OwnershipRule, _form: Any, _change: bool) -> None:  # noqa: FBT001
        save_rule(obj, actor=require_administrator(request.user), now=timezone.now())

    def delete(self, row: OwnershipRule, actor: User) -> None:
        delete_rule(row, actor=actor, now=timezone.now())


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """What people brought in. Storing and taking back stand on its page."""

    list_display = ["shown_name", "step", "status", "requested_by", "new", "known", "refused", "created_at", "page"]
    list_filter = ["step", "status", "form"]
    list_select_related = ["requested_by"]
    search_fields = ["name", "requested_by__email"]
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

    @admin.display(description=_("page"))
    def page(self, row: BulkChange) -> SafeString:
        return _link(self.view_on_site(row))

    def view_on_site(self, obj: BulkChange) -> str:
        return reverse("inventory:change_detail", args=[obj.pk])


def _link(url: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, _("open"))
