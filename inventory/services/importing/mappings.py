"""Mappings of columns that people keep under a name, for the next file with the same headings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from inventory.models import ImportMapping
from inventory.services.importing.asking import ImportRefusedError

# Enough to choose from; the newest come first.
OFFERED = 50


def mappings_for(headings: Collection[str]) -> list[ImportMapping]:
    """Those that name only columns that are there, the newest first."""
    there = set(headings)
    kept = ImportMapping.objects.order_by("-created_at", "-pk")[: 20 * OFFERED]
    return [mapping for mapping in kept if set(mapping.columns.values()) <= there][:OFFERED]


@transaction.atomic
def keep_mapping(name: str, columns: Mapping[str, str], *, actor: User, now: datetime) -> ImportMapping:
    """Keep it under this name, also over an earlier one of the same person."""
    require_change(actor)
    known = ImportMapping.objects.select_for_update(of=("self",)).filter(name=name).first()
    if known and known.created_by_id != actor.pk and not actor.is_administrator:
        raise ImportRefusedError(_("Somebody else keeps a mapping under this name. Choose another name."))
    values = {"columns": dict(columns), "created_by": actor, "created_at": now}
    mapping, _created = ImportMapping.objects.update_or_create(name=name, defaults=values)
    before = {"columns": known.columns} if known else {}
    if before != {"columns": dict(columns)}:
        audit(actor, "import_mapping.kept", mapping, before, {"columns": dict(columns)}, now=now)
    return mapping
