"""Zones: parts of the network with workers of their own."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import ProtectedError

from accounts.models import Role, User
from accounts.services import audit, require_role
from discovery.models import Zone
from discovery.services.networks import DEFAULT_ZONE


@transaction.atomic
def save_zone(name: str, description: str, *, actor: User | None, now: datetime) -> Zone:
    """Add a zone, or change what is said of it. ``actor`` None is somebody at the command line."""
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    stood = Zone.objects.select_for_update().filter(name=name).first()
    zone = stood or Zone(name=name)
    before = {"description": zone.description} if stood else {}
    zone.description = description
    zone.full_clean()
    zone.save()
    if before != {"description": description}:
        verb = "zone.changed" if stood else "zone.created"
        audit(actor, verb, zone, before, {"description": description}, now=now)
    return zone


@transaction.atomic
def delete_zone(zone: Zone, *, actor: User | None, now: datetime) -> None:
    """Raises ValueError with a sentence for the default zone, and for one that something is in."""
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    if zone.name == DEFAULT_ZONE:
        raise ValueError("The default zone always exists.")
    before, pk = {"description": zone.description}, zone.pk
    try:
        zone.delete()
    except ProtectedError as error:
        raise ValueError(f"Networks, sources or scans are in the zone {zone.name}: move them first.") from error
    zone.pk = pk
    audit(actor, "zone.deleted", zone, before, now=now)
