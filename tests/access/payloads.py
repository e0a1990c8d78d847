"""What an allowed person would send to each address that takes a change: complete, so that only the right is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discovery.services import default_zone
from inventory.forms import DetailsForm
from inventory.models import Certificate, Endpoint
from inventory.services import details_of, owner_of, version_of
from tests.access.areas import AREAS
from tests.access.world import PASSWORD, World

SOURCE = {
    "name": "a new source",
    "kind": "hosts",
    "targets": "198.51.100.77",
    "ports": "443",
    "server_names": "",
    "exclusions": "",
    "every_seconds": "86400",
    "quiet_from": "",
    "quiet_until": "",
    "rate_limit": "500",
    "engine": "own",
    "enabled": "on",
}


def payload(route: str, world: World, owner: str, person: str) -> Mapping[str, Any]:
    """``person`` matters where people choose among their own teams."""
    team = world.teams[owner]
    own = world.team("payments" if person == "stranger" else "web")
    source = {**SOURCE, "zone": str(default_zone().pk), "owner_team": str(own.pk)}
    # Something else than now: a team lets go, or takes what is nobody's.
    given_to = "" if team else own.slug
    certificate = Certificate.objects.get(pk=world.things[owner]["certificate"])
    endpoint = Endpoint.objects.get(pk=world.things[owner]["endpoint"])
    sent: dict[str, Mapping[str, Any]] = {
        "accounts:setup_administrator": {"email": "eve@example.org", "name": "Eve", "password": PASSWORD},
        "accounts:setup_organisation": {"name": "Renamed", "timezone": "UTC", "base_url": ""},
        "accounts:invitation": {"name": "Eve", "password": PASSWORD},
        "accounts:profile": {"name": "Renamed", "timezone": "", "theme": "dark", "keyboard_shortcuts": "on"},
        "inventory:certificate_owner": _owner(certificate, given_to),
        "inventory:endpoint_owner": _owner(endpoint, given_to),
        "inventory:certificate_details": _details(certificate),
        "inventory:endpoint_details": _details(endpoint),
        "inventory:endpoint_retire": {"reason": "asked by the walk"},
        "inventory:endpoint_restore": {"reason": "asked by the walk"},
        "discovery:setup_networks": {"networks": "192.0.2.0/24"},
        "discovery:setup_first_scan": {"targets": "198.51.100.77", "ports": "443", "every_seconds": "86400"},
        "discovery:scan_new": {"targets": "198.51.100.77", "ports": "443", "engine": "own", "rate_limit": "500"},
        "discovery:check_now": {"place": "198.51.100.77:443"},
        "discovery:source_new": source,
        "discovery:source_edit": {**source, "name": "renamed", "owner_team": str((team or own).pk)},
        "discovery:network_new": {"network": "192.0.2.0/24", "owner_team": str(own.pk)},
        "reports:report_new": {"kind": "inventory", "filter": ""},
    }
    if area := next((area for area in AREAS if route in area.ROUTES), None):
        found: Mapping[str, Any] = area.payload(route, world.things[owner], team, own)
        return found
    return sent.get(route, {})


def _owner(row: Certificate | Endpoint, team: str) -> Mapping[str, Any]:
    sent = {"team": team, "person": "", "reason": "asked by the walk", "version": version_of(owner_of(row))}
    return {f"owner-{name}": value for name, value in sent.items()}


def _details(row: Certificate | Endpoint) -> Mapping[str, Any]:
    """The whole form, as a browser sends it."""
    empty = {f"details-{name}": "" for name in DetailsForm.base_fields}
    version = version_of(details_of(row))
    return {**empty, "details-environment": "test", "details-tags": "walked", "details-version": version}
