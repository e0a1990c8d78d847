"""A plan: every place of some targets, each reached by its number, none of them held in memory."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import gcd
from typing import Self, TypeAlias

from discovery.addresses.values import Span, Target, Targets, merge, subtract
from inventory.addresses import unpack

# Address or host name, port, server name to ask for, protocol: the fields of a probe's Place, in its order.
Ask: TypeAlias = tuple[str, int, str, str]

_DEFAULT_PROTOCOLS = {25: "smtp", 587: "smtp", 110: "pop3", 143: "imap", 389: "ldap", 5432: "postgres"}


def default_protocol(port: int) -> str:
    """What is spoken on a port before the handshake if nobody said otherwise."""
    return _DEFAULT_PROTOCOLS.get(port, "tls")


@dataclass(frozen=True, slots=True)
class _Segment:
    """A name, or a span of addresses, with all the ports and server names that are asked there."""

    name: str
    span: Span
    doors: tuple[tuple[int, str], ...]  # port, protocol
    server_names: tuple[str, ...]

    @property
    def size(self) -> int:
        return (self.span[1] - self.span[0] + 1) * len(self.doors) * len(self.server_names)

    def ask(self, number: int) -> Ask:
        number, door = divmod(number, len(self.doors))
        offset, at = divmod(number, len(self.server_names))
        port, protocol = self.doors[door]
        host = self.name or unpack((self.span[0] + offset).to_bytes(16))
        return host, port, self.server_names[at], protocol


@dataclass(frozen=True)
class Plan:
    """All places of a scan. ``size`` are asked, ``excluded`` were asked for and left out."""

    segments: tuple[_Segment, ...]
    excluded: int

    @classmethod
    def of(
        cls,
        targets: Targets,
        ports: Sequence[int],
        exclusions: Targets | None = None,
        server_names: Sequence[str] = (),
    ) -> Self:
        """Combine what was read. ``server_names`` are asked at every address; a host name is asked for itself."""
        without = exclusions or Targets(())
        names = tuple(server_names) or ("",)
        asked = [_named(targets, ports, ()), _numbered(targets, ports, (), names)]
        left = [_named(targets, ports, without.names), _numbered(targets, ports, without.spans, names)]
        segments = tuple(segment for part in left for segment in part)
        return cls(segments, sum(s.size for part in asked for s in part) - sum(s.size for s in segments))

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(segment.size for segment in self.segments))

    @property
    def size(self) -> int:
        return self._ends[-1] if self._ends else 0

    def place(self, number: int) -> Ask:
        """Return place ``number`` of ``size``."""
        at = bisect_right(self._ends, number)
        return self.segments[at].ask(number - (self._ends[at - 1] if at else 0))

    def places(self, *, seed: int | None = None, start: int = 0, stop: int | None = None) -> Iterator[Ask]:
        """Yield places ``start`` to ``stop``, in order or, with a seed, spread over the whole plan.

        The same seed gives the same order, so that shards cut from it cover everything once.
        """
        step, shift = _permutation(self.size, seed)
        for number in range(start, self.size if stop is None else min(stop, self.size)):
            yield self.place((number * step + shift) % self.size)


def _permutation(size: int, seed: int | None) -> tuple[int, int]:
    """Step and shift of an affine permutation of 0…size-1: neighbours in time are far apart in the plan."""
    if seed is None or size < 3:
        return 1, 0
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    step = chance.randrange(size // 3 + 1, max(size // 3 + 2, 2 * size // 3))
    while gcd(step, size) != 1:
        step += 1
    return step, chance.randrange(size)


def _named(targets: Targets, ports: Sequence[int], without: Sequence[str]) -> list[_Segment]:
    doors: dict[str, dict[tuple[int, str], None]] = {}
    for target in targets.items:
        if target.name and target.name not in without:
            doors.setdefault(target.name, {}).update(dict.fromkeys(_doors(target, ports)))
    return [_Segment(name, (0, 0), tuple(found), (name,)) for name, found in doors.items()]


def _numbered(
    targets: Targets, ports: Sequence[int], without: Sequence[Span], server_names: tuple[str, ...]
) -> list[_Segment]:
    """Spans with the same doors, merged, so that a place that was written twice is asked once."""
    general = _doors(Target(), ports)
    groups: dict[tuple[tuple[int, str], ...], list[Span]] = {}
    for target in targets.items:
        doors = _doors(target, ports)
        for group in [doors] if doors == general else [(door,) for door in doors]:
            if not target.name:
                groups.setdefault(group, []).append(target.span)
    covered = merge(groups.get(general, ()))
    segments: list[_Segment] = []
    for doors, spans in groups.items():
        left = subtract(merge(spans), without)
        if doors != general and set(doors) <= set(general):
            left = subtract(left, covered)
        segments += [_Segment("", span, doors, server_names) for span in left]
    return segments


def _doors(target: Target, ports: Sequence[int]) -> tuple[tuple[int, str], ...]:
    chosen = (target.port,) if target.port else tuple(ports)
    return tuple((port, target.protocol or default_protocol(port)) for port in chosen)
