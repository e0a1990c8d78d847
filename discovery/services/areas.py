"""Where a run looked, as ranges, and which of the places that are known there it saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Self, TypeAlias

from django.db.models import Count, FilteredRelation, Max, Q, QuerySet

from discovery.addresses.values import Span, merge
from discovery.models import Source
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


def asks_as(source: Source, plan: Mapping[str, Any]) -> bool:
    """Say whether a plan asks what its source asks now; one that was refused holds but a part."""
    return all(plan[name] == getattr(source, name) for name in ASKED if name in plan)


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
        for some in _some(spans):
            yield ("address", "port"), within(some) & _at(ports)
    for ports, names in area.names.items():
        for some in _some(names):
            yield ("server_name", "port"), Q(server_name__in=some) & _at(ports)


def _some(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def within(spans: Sequence[Span]) -> Q:
    """Endpoints whose address is in one of these."""
    bounds = ((first.to_bytes(16), last.to_bytes(16)) for first, last in spans)
    return reduce(or_, (Q(address__gte=first, address__lte=last) for first, last in bounds))


def _at(ports: Ports) -> Q:
    return reduce(or_, (Q(port__gte=first, port__lte=last) for first, last in merge((port, port) for port in ports)))


def count_answers(rows: QuerySet[Endpoint], began: datetime) -> tuple[int, int]:
    """Count the places of these endpoints that were asked since, and those of them where nothing answered."""
    answered = ~Q(outcome=Endpoint.Outcome.UNREACHABLE) & Q(last_tried_at__gte=began)
    places = (
        rows.filter(last_tried_at__gte=began).values("address", "port").annotate(answers=Count("port", filter=answered))
    )
    found = places.aggregate(asked=Count("port"), silent=Count("port", filter=Q(answers=0)))
    return found["asked"], found["silent"]
