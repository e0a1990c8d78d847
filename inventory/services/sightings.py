"""How we know of things: one row per thing and source, first and last time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from inventory.models import Sighting
from inventory.services.writing import among, insert


@dataclass(frozen=True, slots=True)
class SeenBy:
    """The kind and name of what saw something: ("network", "Data centre east")."""

    kind: str
    name: str


def note_sightings(by: SeenBy, endpoints: Collection[int], certificates: Collection[int], now: datetime) -> None:
    """Note that a source saw these now. Seen before: one statement each."""
    _note("endpoint_id", by, endpoints, now)
    _note("certificate_id", by, certificates, now)


def _note(column: str, by: SeenBy, ids: Collection[int], now: datetime) -> None:
    if not ids:
        return
    mine = Sighting.objects.filter(among(column, ids), source_kind=by.kind, source_name=by.name)
    seen_before = mine.update(last_at=now)
    if seen_before == len(set(ids)):
        return
    known = set(mine.values_list(column, flat=True)) if seen_before else set()
    columns = (column, "source_kind", "source_name", "first_at", "last_at")
    rows = ((pk, by.kind, by.name, now, now) for pk in sorted(set(ids) - known))
    insert(Sighting, columns, rows, or_ignore=True)
