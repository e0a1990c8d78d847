"""Whose something is that no rule speaks of: the team of the source that saw it, or of the network that it is in."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from inventory.ownership.rules import Facts, Said


@dataclass(frozen=True, slots=True)
class Place:
    """A network of a team, by its packed bounds."""

    zone: str
    name: str
    first: bytes
    last: bytes
    team: int

    @property
    def size(self) -> int:
        return int.from_bytes(self.last) - int.from_bytes(self.first)


# From this number on, until the next one, it is this network, or none.
Segments: TypeAlias = Sequence[tuple[int, Place | None]]


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """``first`` comes before all others: the source that looks now. ``sources`` maps a name to a team."""

    first: Said | None = None
    sources: Mapping[str, int] = field(default_factory=dict)
    segments: Mapping[str, Segments] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Mapping[str, int], places: Iterable[Place], first: Said | None = None) -> Fallbacks:
        by_zone: dict[str, list[Place]] = defaultdict(list)
        for place in places:
            by_zone[place.zone].append(place)
        return cls(first, sources, {zone: _segments(found) for zone, found in by_zone.items()})

    def __bool__(self) -> bool:
        return bool(self.first or self.sources or self.segments)

    def say(self, facts: Facts) -> Said | None:
        """The team that stands in where no rule decides, and why; None if nobody does."""
        return self.first or self._by_source(facts) or self._by_network(facts)

    def _by_source(self, facts: Facts) -> Said | None:
        name = next((name for name in facts.sources if name in self.sources), None)
        return None if name is None else Said(self.sources[name], None, found_by(name))

    def _by_network(self, facts: Facts) -> Said | None:
        found = [place for zone, address in facts.addresses if (place := self._place(zone, address))]
        if not found:
            return None
        place = min(found, key=lambda place: (place.size, place.first, place.team))
        return Said(place.team, None, f"It is in the network “{place.name}” of this team.")

    def _place(self, zone: str, address: bytes) -> Place | None:
        segments = self.segments.get(zone, ())
        at = bisect_right(segments, int.from_bytes(address), key=lambda segment: segment[0]) - 1
        return segments[at][1] if at >= 0 else None


def found_by(source: str) -> str:
    return f"Found by the source “{source}” of this team."


def _segments(places: Iterable[Place]) -> list[tuple[int, Place | None]]:
    """Cut the numbers where a network begins or ends; each piece belongs to the smallest network around it."""
    begins: dict[int, list[Place]] = defaultdict(list)
    ends: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        begins[int.from_bytes(place.first)].append(place)
        ends[int.from_bytes(place.last) + 1].append(place)
    around: dict[Place, int] = {}
    segments: list[tuple[int, Place | None]] = []
    for number in sorted(begins.keys() | ends.keys()):
        around |= {place: place.size for place in begins.get(number, ())}
        for place in ends.get(number, ()):
            around.pop(place, None)
        smallest = min(around, key=lambda place: (around[place], place.first, place.team), default=None)
        segments.append((number, smallest))
    return segments
