"""Rows of imported tables, and what they are about that comes later: whatever came first, the inventory is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, QuerySet

from inventory.models import Certificate, Endpoint, Import, ImportItem
from inventory.services.importing.changes import Applied
from inventory.services.importing.rows import apply_rows, tell_rows
from inventory.services.totals import Share
from inventory.services.writing import among

Outcome = ImportItem.Outcome


class Arrived(NamedTuple):
    """Primary keys of what a scan or an import showed: the places it looked at, and what was not known before."""

    endpoints: Collection[int] = ()
    new_endpoints: Collection[int] = ()
    new_certificates: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Waited:
    """What rows of tables said of what arrived."""

    applied: Sequence[tuple[Import, Applied]] = ()


def match_waiting(arrived: Arrived, now: datetime, deltas: Counter[Share]) -> Waited:
    """Apply the rows of stored imports that waited for what arrived, and rows that found only a part of theirs before.

    Runs in the caller's transaction, who calls ``tell_waited`` after the totals are written. Where nothing waits and
    nothing is new, it asks once.
    """
    told = []
    if ImportItem.objects.filter(outcome=Outcome.WAITING).exists():
        told += _apply(_waiting_for(arrived.endpoints), arrived.endpoints, now, deltas)
        told += _apply(_waiting_by_serial(arrived.new_certificates), (), now, deltas)
    if arrived.new_endpoints:
        rows = ImportItem.objects.exclude(host="").exclude(outcome__in=(Outcome.WAITING, Outcome.REFUSED))
        told += _apply(_about(rows, arrived.new_endpoints), arrived.new_endpoints, now, deltas, again=True)
    return Waited(told)


def _apply(
    items: Iterable[ImportItem],
    endpoints: Collection[int],
    now: datetime,
    deltas: Counter[Share],
    *,
    again: bool = False,
) -> list[tuple[Import, Applied]]:
    by_import: dict[Import, list[ImportItem]] = {}
    for item in items:
        by_import.setdefault(item.of, []).append(item)
    told = []
    for of, rows in by_import.items():
        applied = apply_rows(of, rows, now, deltas, only=endpoints, again=again)
        matched = 0 if again else sum(item.outcome == Outcome.MATCHED for item in rows)
        if matched:
            Import.objects.filter(pk=of.pk).update(waiting=F("waiting") - matched, applied=F("applied") + matched)
        told.append((of, applied))
    return told


def _stored(items: QuerySet[ImportItem]) -> QuerySet[ImportItem]:
    rows = items.filter(of__step=Import.Step.STORED)
    return rows.select_related("of__requested_by").order_by("of_id", "position")


def _waiting_for(endpoints: Collection[int]) -> list[ImportItem]:
    return _about(ImportItem.objects.filter(outcome=Outcome.WAITING), endpoints)


def _about(items: QuerySet[ImportItem], endpoints: Collection[int]) -> list[ImportItem]:
    places = Endpoint.objects.filter(among("pk", endpoints)).only("address", "port", "server_name")
    at = {(host, row.port) for row in places for host in {row.host, row.server_name} if host}
    hosts = {host for host, _port in at}
    rows = _stored(items.filter(among("host", hosts)))
    return [row for row in rows if (row.host, row.port) in at or (row.port is None and row.host in hosts)]


def _waiting_by_serial(certificates: Collection[int]) -> list[ImportItem]:
    """Where two certificates have the serial number, the row means neither, as its preview would say."""
    new = Certificate.objects.filter(among("pk", certificates)).values("serial_number")
    alone = Certificate.objects.filter(serial_number__in=new).order_by().values("serial_number")
    serials = alone.annotate(number=Count("pk")).filter(number=1).values_list("serial_number", flat=True)
    wanted = list(serials) if certificates else []
    return list(_stored(ImportItem.objects.filter(outcome=Outcome.WAITING, data__serial__in=wanted))) if wanted else []


def tell_waited(waited: Waited, now: datetime) -> None:
    for of, applied in waited.applied:
        tell_rows(of, applied, now)
