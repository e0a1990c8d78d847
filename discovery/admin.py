"""The Django admin of discovery: zones, networks and sources to keep, scans to read.

Networks and sources are written by the services that their pages call, which refuse the same and record the change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, ServedAdmin
from accounts.models import User
from accounts.services import require_administrator
from certdash.lib.inert import visible
from discovery import services
from discovery.addresses import parse_network
from discovery.forms import NetworkForm, SourceForm, add_problems, wide_field
from discovery.models import Network, Scan, Source, Zone
from discovery.services import DEFAULT_ZONE, ScanRefusedError
from inventory.models import Endpoint

# The stubs make the class generic, Django itself does not.
if TYPE_CHECKING:
    NetworkBase = forms.ModelForm[Network]
else:
    NetworkBase = forms.ModelForm


@admin.register(Zone)
class ZoneAdmin(AuditedAdmin):
    """Endpoints and workers know a zone by its name, so that the name stays."""

    list_display = ["name", "description"]
    search_fields = ["name", "description"]

    def get_readonly_fields(self, _request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse zones in use in a sentence each, instead of a list of everything that is in them."""
        kept = [sentence for zone in objs if (sentence := _why_kept(zone))]
        return ([str(zone) for zone in objs], {}, set(), kept) if kept else super().get_deleted_objects(objs, request)


def _why_kept(zone: Zone) -> str:
    if zone.name == DEFAULT_ZONE:
        return gettext("The zone %(zone)s always exists: everything that names no zone is in it.") % {"zone": zone}
    rows: list[QuerySet[Any]] = [
        Network.objects.filter(zone=zone),
        Source.objects.filter(zone=zone),
        Scan.objects.filter(zone=zone),
        Endpoint.objects.filter(zone=zone.name),
    ]
    used = [f"{count} {model_ngettext(each.model._meta, count)}" for each in rows if (count := each.count())]
    if not used:
        return ""
    sentence = gettext("The zone %(zone)s is used by %(used)s, and what was found there is known by its name.")
    return sentence % {"zone": zone, "used": ", ".join(used)}


class ZonedAdmin(ServedAdmin):
    """A new row is in the default zone, unless somebody says otherwise."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"zone": services.default_zone().pk, **asked}


class NetworkAdminForm(NetworkBase):
    """What the page of networks refuses is refused here in the same words."""

    is_wide = wide_field()

    class Meta:
        model = Network
        fields = ["cidr", "name", "purpose", "is_excluded", "allows_special", "zone", "owner_team"]
        help_texts = {
            "cidr": NetworkForm.base_fields["network"].help_text,
            "allows_special": _("Only where all of it is loopback, link-local or another special network."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        asked = {name: cleaned.get(name) for name in ("name", "is_excluded", "allows_special")}
        # A row that was confirmed when it was added is not asked again for another name.
        asked["is_wide"] = cleaned.pop("is_wide", False) or "cidr" not in self.changed_data
        asked |= {name: cleaned.get(name) for name in ("zone", "owner_team", "purpose")}
        page = NetworkForm({**asked, "network": cleaned.get("cidr", "")})
        if page.is_valid():
            cleaned["allows_special"] = page.cleaned_data["allows_special"]
            self._require_new(cleaned)
        elif "cidr" in cleaned:
            for name, errors in page.errors.as_data().items():
                self.add_error("cidr" if name == "network" else name, ValidationError(errors))
        return cleaned

    def _require_new(self, cleaned: dict[str, Any]) -> None:
        """The same network may be written in several ways."""
        span = parse_network(cleaned["cidr"])
        same = {name: cleaned.get(name) for name in ("zone", "purpose", "is_excluded")}
        if Network.objects.filter(first=span.first, last=span.last, **same).exclude(pk=self.instance.pk).exists():
            self.add_error("cidr", _("There is a row for this network and purpose in this zone already."))


@admin.register(Network)
class NetworkAdmin(ZonedAdmin):
    form = NetworkAdminForm
    list_display = ["cidr", "name", "purpose", "is_excluded", "allows_special", "zone", "owner_team"]
    list_filter = ["purpose", "is_excluded", "zone"]
    list_select_related = ["zone", "owner_team"]
    search_fields = ["cidr", "name"]

    def view_on_site(self, _obj: Network) -> str:
        return reverse("discovery:coverage")

    def save_model(self, request: HttpRequest, obj: Network, form: Any, change: bool) -> None:  # noqa: FBT001
        given = dict(form.cleaned_data)
        stored = Network.objects.get(pk=obj.pk) if change else None
        saved = services.save_network(
            given.pop("cidr"),
            actor=require_administrator(request.user),
            now=timezone.now(),
            network=stored,
            **given,
        )
        obj.pk = saved.pk

    def delete(self, row: Network, actor: User) -> None:
        services.delete_network(row, actor=actor, now=timezone.now())


class SourceAdminForm(SourceForm):
    """What no run could begin with is refused before it is saved."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, which its stubs leave out
        if not self.errors:
            try:
                services.require_possible(self.instance)
            except ScanRefusedError as error:
                add_problems(self, error.problems)


@admin.register(Source)
class SourceAdmin(ZonedAdmin):
    list_display = ["name", "kind", "ports", "zone", "owner_team", "enabled", "next_run_at", "last_run_at"]
    list_filter = ["enabled", "kind", "zone", "owner_team"]
    list_select_related = ["zone", "owner_team"]
    search_fields = ["name", "targets"]
    actions = ["run_now"]

    def view_on_site(self, obj: Source) -> str:
        return reverse("discovery:source_edit", args=[obj.pk])

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **_kwargs: Any) -> Any:  # noqa: FBT001, FBT002, ARG002
        user = require_administrator(request.user)

        class Form(SourceAdminForm):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, user=user, **kwargs)

        return Form

    def save_model(self, request: HttpRequest, obj: Source, _form: Any, _change: bool) -> None:  # noqa: FBT001
        services.save_source(obj, actor=require_administrator(request.user), now=timezone.now())

    @admin.action(description=_("Run now"))
    def run_now(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Whatever their schedule says; each begins on its own."""
        actor, now = require_administrator(request.user), timezone.now()
        for source in queryset.select_related("zone", "owner_team"):
            try:
                scan = services.run_now(source, actor=actor, now=now)
            except ScanRefusedError as error:
                messages.error(request, f"{visible(source.name)}: {error}")
            else:
                page = reverse("discovery:scan_detail", args=[scan.pk])
                messages.success(request, format_html('<a href="{}">{}</a>', page, visible(source.name)))

    def delete(self, row: Source, actor: User) -> None:
        services.delete_source(row, actor=actor, now=timezone.now())


@admin.register(Scan)
class ScanAdmin(ReadOnlyAdmin):
    list_display = ["shown_title", "kind", "status", "zone", "source", "created_at", "finished_at", "page"]
    list_filter = ["status", "kind", "zone"]
    list_select_related = ["zone", "source"]
    search_fields = ["title", "source__name"]

    @admin.display(description=_("title"), ordering="title")
    def shown_title(self, row: Scan) -> str:
        return visible(row.title)

    @admin.display(description=_("page"))
    def page(self, row: Scan) -> SafeString:
        return format_html('<a href="{}">{}</a>', self.view_on_site(row), _("open"))

    def view_on_site(self, obj: Scan) -> str:
        return reverse("discovery:scan_detail", args=[obj.pk])
