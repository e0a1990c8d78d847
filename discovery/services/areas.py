"""Where a run looked, as ranges, and which of the places that are known there it saw."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, Self, TypeAlias

from django.db.models import Count, FilteredRelation, Max, Q, QuerySet

from discovery.addresses.values import Span, merge
from discovery.models import Scan, Source
from discovery.services.plans import thaw
from inventory.addresses import pack
from inventory.models import Endpoint
from inventory.services import SeenBy

# SQLite takes expressions up to a depth of 1,000.
AT_ONCE = 200
ASKED = ("targets", "exclusions", "ports", "server_names")
Ports: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """All addresses and host names that were asked, by the ports that were asked there."""

    spans: Mapping[Ports, tuple[Span, ...]]
    names: Mapping[Ports, tuple[str, ...]]

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> Self:
        """Read the frozen plan of a scan. One that was refused asked nowhere."""
        spans: dict[Ports, list[Span]] = defaultdict(list)
        names: dict[Ports, list[str]] = defaultdict(list)
        for ports, name, span in _listed(plan) if "places" in plan else _planned(plan):
            if name:
                names[ports].append(name)
            else:
                spans[ports].append(span)
        return cls(
            {ports: merge(found) for ports, found in spans.items()},
            {ports: tuple(found) for ports, found in names.items()},
        )

    @property
    def addresses(self) -> tuple[Span, ...]:
        return merge(span for spans in self.spans.values() for span in spans)


def asks_as(source: Source, scan: Scan) -> bool:
    """Say whether a run asks what its source asks now, from where it asks; one that was refused holds but a part."""
    is_same = all(scan.plan[name] == getattr(source, name) for name in ASKED if name in scan.plan)
    return is_same and scan.zone_id == source.zone_id


def _planned(plan: Mapping[str, Any]) -> Iterator[tuple[Ports, str, Span]]:
    if "left_out" in plan:
        for segment in thaw(plan).plan().segments:
            yield tuple(sorted({port for port, _ in segment.doors})), segment.name, segment.span


def _listed(plan: Mapping[str, Any]) -> Iterator[tuple[Ports, str, Span]]:
    for address, port, *_ in plan["places"]:
        try:
            number = int.from_bytes(pack(address))
        except ValueError:
            yield (port,), address, (0, 0)
        else:
            yield (port,), "", (number, number)


def count_missed(area: Area, zone: str, by: SeenBy, began: datetime) -> tuple[int, int]:
    """Count the places that are known to exist there, and those of them that this source has not seen since.

    A place is an address and a port, whatever name is asked for; for a host name it is the name and a port, because
    its addresses may change at any time. Known to exist is what ever served and is not retired.
    """
    known = missed = 0
    for unit, condition in _conditions(area):
        rows = Endpoint.objects.alive().filter(condition, zone=zone, last_seen_at__isnull=False)
        mine = Q(sightings__source_kind=by.kind, sightings__source_name=by.name)
        places = rows.annotate(own=FilteredRelation("sightings", condition=mine)).values(*unit)
        found = places.annotate(at=Max("own__last_at")).aggregate(
            known=Count("port"), seen=Count("port", filter=Q(at__gte=began))
        )
        known += found["known"]
        missed += found["known"] - found["seen"]
    return known, missed


def _conditions(area: Area) -> Iterator[tuple[tuple[str, str], Q]]:
    for ports, spans in area.spans.items():
        for part in some(spans):
            yield ("address", "port"), within(part) & _at(ports)
    for ports, names in area.names.items():
        for part in some(names):
            yield ("server_name", "port"), Q(server_name__in=part) & _at(ports)


def some(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Pieces that one statement can name."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def within(spans: Sequence[Span]) -> Q:
    """Endpoints whose address is in one of these."""
    bounds = ((first.to_bytes(16), last.to_bytes(16)) for first, last in spans)
    return reduce(or_, (Q(address__gte=first, address__lte=last) for first, last in bounds))


def _at(ports: Ports) -> Q:
    return reduce(or_, (Q(port__gte=first, port__lte=last) for first, last in merge((port, port) for port in ports)))


@dataclass(frozen=True, slots=True)
class Asked:
    """An area and the moment since which it was asked, for many questions about single endpoints."""

    began: datetime
    spans: tuple[tuple[frozenset[int], tuple[Span, ...]], ...]
    names: tuple[tuple[frozenset[int], frozenset[str]], ...]

    @classmethod
    def of(cls, area: Area, began: datetime) -> Self:
        spans = tuple((frozenset(ports), spans) for ports, spans in area.spans.items())
        return cls(began, spans, tuple((frozenset(ports), frozenset(names)) for ports, names in area.names.items()))

    def has(self, address: int, port: int, name: str) -> bool:
        by_address = any(port in ports and _holds(spans, address) for ports, spans in self.spans)
        return by_address or any(port in ports and name in names for ports, names in self.names)


def _holds(spans: Sequence[Span], number: int) -> bool:
    at = bisect_right(spans, (number, 1 << 128)) - 1
    return at >= 0 and number <= spans[at][1]


def count_answers(rows: QuerySet[Endpoint], asked: Sequence[Asked]) -> tuple[int, int]:
    """Count the places of these endpoints, and those of them that answered since somebody asked just there.

    What nobody asked has not answered, whichever of its neighbours did.
    """
    columns = ("address", "port", "server_name", "outcome", "last_tried_at")
    known = answered = 0
    for (packed, port), here in groupby(rows.order_by("address", "port").values_list(*columns).iterator(), _place):
        address = int.from_bytes(packed)
        known += 1
        answered += any(
            one.has(address, port, name) and tried is not None and tried >= one.began
            for *_, name, outcome, tried in here
            if outcome != Endpoint.Outcome.UNREACHABLE
            for one in asked
        )
    return known, answered


def _place(row: tuple[Any, ...]) -> tuple[bytes, int]:
    return bytes(row[0]), row[1]
