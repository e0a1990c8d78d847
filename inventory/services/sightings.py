"""How we know of things: one row per thing and source, first and last time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from inventory.models import Sighting
from inventory.services.races import hold_free
from inventory.services.writing import among, insert


@dataclass(frozen=True, slots=True)
class SeenBy:
    """The kind and name of what saw something: ("network", "Data centre east")."""

    kind: str
    name: str


# What every server sends is seen by all workers at once: its moment is moved this often, so that they need not wait.
RECENTLY = timedelta(minutes=5)


def not_recent(column: str, now: datetime) -> Q:
    """A moment ahead of our clock is no recent one."""
    return ~Q(**{f"{column}__range": (now - RECENTLY, now + RECENTLY)})


def note_common(by: SeenBy, certificates: Collection[int], now: datetime) -> None:
    """As ``note_sightings`` for what many servers send: noted anew only after a while, and by one worker."""
    if not certificates:
        return
    mine = Sighting.objects.filter(among("certificate_id", certificates), source_kind=by.kind, source_name=by.name)
    known = set(mine.values_list("certificate_id", flat=True))
    if missing := set(certificates) - known:
        _insert("certificate_id", by, missing, now)
    if due := hold_free(mine.filter(not_recent("last_at", now))):
        Sighting.objects.filter(among("pk", due)).update(last_at=now)


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
    _insert(column, by, set(ids) - known, now)


def _insert(column: str, by: SeenBy, ids: Collection[int], now: datetime) -> None:
    columns = (column, "source_kind", "source_name", "first_at", "last_at")
    rows = ((pk, by.kind, by.name, now, now) for pk in sorted(ids))
    insert(Sighting, columns, rows, or_ignore=True)
