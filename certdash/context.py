"""What every page's frame shows: the organisation, the navigation, the version, the time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, Role

# Group, then (label, url name, icon, who sees it; empty means everybody).
NAVIGATION: list[tuple[Any, list[tuple[Any, str, str, tuple[str, ...]]]]] = [
    ("", [(_("Overview"), "reports:overview", "overview", ())]),
    (
        _("Inventory"),
        [
            (_("Certificates"), "inventory:certificate_list", "certificate", ()),
            (_("Endpoints"), "inventory:endpoint_list", "endpoint", ()),
            (_("Domains"), "inventory:domain_list", "domain", ()),
            (_("Issuers"), "inventory:issuer_list", "issuer", ()),
            (_("Calendar"), "inventory:calendar", "calendar", ()),
            (_("Import"), "inventory:import_list", "upload", (Role.ADMINISTRATOR, Role.OPERATOR)),
        ],
    ),
    (
        _("Know"),
        [
            (_("Discovery"), "discovery:scan_list", "discovery", ()),
            (_("Findings"), "policy:finding_list", "finding", ()),
            (_("Ownership"), "inventory:ownership", "ownership", ()),
            (_("Mails"), "alerts:letter_list", "alert", (Role.ADMINISTRATOR,)),
        ],
    ),
    (
        _("Prove"),
        [
            (_("Reports"), "reports:report_list", "report", ()),
            (_("Audit log"), "accounts:audit", "audit", (Role.ADMINISTRATOR, Role.AUDITOR)),
        ],
    ),
]
# After "g": the letter that opens the page.
KEYS = {
    "reports:overview": "o",
    "inventory:certificate_list": "c",
    "inventory:endpoint_list": "e",
    "inventory:domain_list": "d",
    "inventory:issuer_list": "i",
    "inventory:calendar": "k",
    "discovery:scan_list": "s",
    "policy:finding_list": "f",
    "inventory:ownership": "w",
    "reports:report_list": "r",
}

# Where administrators find what a page shows.
IN_ADMINISTRATION = {
    "accounts:profile": "admin:accounts_user_changelist",
    "inventory:certificate_list": "admin:inventory_certificate_changelist",
    "inventory:certificate_detail": "admin:inventory_certificate_change",
    "inventory:endpoint_list": "admin:inventory_endpoint_changelist",
    "inventory:endpoint_detail": "admin:inventory_endpoint_change",
    "inventory:issuer_list": "admin:inventory_issuer_changelist",
    "inventory:issuer_detail": "admin:inventory_issuer_change",
    "inventory:import_list": "admin:inventory_import_changelist",
    "inventory:import_detail": "admin:inventory_import_change",
    "inventory:change_detail": "admin:inventory_bulkchange_change",
    "inventory:rule_list": "admin:inventory_ownershiprule_changelist",
    "discovery:network_list": "admin:discovery_network_changelist",
    "discovery:scan_list": "admin:discovery_scan_changelist",
    "discovery:scan_detail": "admin:discovery_scan_change",
    "discovery:source_edit": "admin:discovery_source_change",
    "policy:finding_list": "admin:policy_finding_changelist",
    "policy:finding_detail": "admin:policy_finding_change",
    "alerts:letter_list": "admin:alerts_letter_changelist",
    "alerts:letter_detail": "admin:alerts_letter_change",
    "alerts:mailing_detail": "admin:alerts_mailing_change",
    "accounts:view_list": "admin:accounts_savedview_changelist",
}


def frame(request: HttpRequest) -> dict[str, Any]:
    return {
        "organisation": Organisation.objects.filter(pk=1).first(),
        "navigation": _navigation(request),
        "administration_url": _in_administration(request),
        "now": timezone.now(),
        "version": settings.VERSION,
        "banner": settings.BANNER,
        "request_id": request.META.get("CERTDASH_REQUEST_ID", ""),
    }


def _in_administration(request: HttpRequest) -> str:
    """Where administrators find the same thing; empty for all others."""
    match = request.resolver_match
    if match is None or not getattr(getattr(request, "user", None), "is_administrator", False):
        return ""
    name = IN_ADMINISTRATION.get(match.view_name)
    return reverse(name, args=[match.kwargs[key] for key in ("pk",) if key in match.kwargs]) if name else ""


def _navigation(request: HttpRequest) -> list[dict[str, Any]]:
    role = getattr(request.user, "role", "") if hasattr(request, "user") else ""
    here = _current(request)
    groups = []
    for title, items in NAVIGATION:
        shown = [
            {"label": label, "url": url, "icon": icon, "key": KEYS.get(name, ""), "active": url == here}
            for label, name, icon, roles in items
            if (not roles or role in roles) and (url := _url(name))
        ]
        if shown:
            groups.append({"title": title, "items": shown})
    return groups


def _url(name: str) -> str:
    """Return the address of a page, empty while it is not built: only what exists is shown."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _current(request: HttpRequest) -> str:
    """The address of the page that this one belongs to: of several, the longest."""
    urls = [_url(name) for _title, items in NAVIGATION for _label, name, _icon, _roles in items]
    inside = [url for url in urls if url and (request.path == url if url == "/" else request.path.startswith(url))]
    return max(inside, key=len, default="")
