"""The values that reading gives, and the arithmetic of address ranges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

from inventory.addresses import unpack

# Both ends inclusive, as integers of 128 bits (IPv4 mapped into IPv6).
Span: TypeAlias = tuple[int, int]


class AddressError(ValueError):
    """What was typed is no place to look; ``instead`` says what to write."""

    def __init__(self, reason: str, instead: str) -> None:
        super().__init__(f"{reason}; {instead}")
        self.reason = reason
        self.instead = instead


@dataclass(frozen=True, slots=True)
class Problem:
    """One item that could not be read. ``item`` is shortened, and its unprintable characters are written out.

    Without an item it is about everything that was typed; line 0 means that it was not typed in lines.
    ``is_forbidden``: it is a place, and a network that may be probed is all that it lacks.
    """

    line: int
    item: str
    reason: str
    instead: str
    is_forbidden: bool = False

    def __str__(self) -> str:
        line = f"Line {self.line}: " if self.item and self.line else ""
        return f"{line}{self.sentence}"

    @property
    def sentence(self) -> str:
        """Without the line, for what was typed in one."""
        subject = f"“{self.item}”" if self.item else "All of it"
        return f"{subject} {self.reason}; {self.instead}."


@dataclass(frozen=True, slots=True)
class Target:
    """A host name, or a range of addresses as packed bounds. Port 0 and protocol ``""`` mean: as the source says."""

    name: str = ""
    first: bytes = b""
    last: bytes = b""
    port: int = 0
    protocol: str = ""

    @property
    def size(self) -> int:
        """How many addresses; 1 for a name, however many addresses it will turn out to have."""
        return 1 if self.name else self.span[1] - self.span[0] + 1

    @property
    def span(self) -> Span:
        return int.from_bytes(self.first), int.from_bytes(self.last)

    @property
    def how_many(self) -> str:
        """The number of addresses as people read it; those of IPv6 are too many for digits."""
        return f"{self.size:,}" if self.size <= 1 << 32 else f"about 10^{len(str(self.size)) - 1}"

    def __str__(self) -> str:
        if self.name or self.first == self.last:
            return self.name or unpack(self.first)
        return f"{unpack(self.first)}-{unpack(self.last)}"


@dataclass(frozen=True, slots=True)
class Targets:
    """All that was typed: what could be read, and what could not. ``lines`` say where each item stood first."""

    items: tuple[Target, ...]
    problems: tuple[Problem, ...] = ()
    lines: tuple[int, ...] = ()

    @property
    def numbered(self) -> Iterator[tuple[int, Target]]:
        """Each item with its line, or with 0 where it was not typed."""
        return zip(self.lines or repeat(0), self.items, strict=False)

    @property
    def size(self) -> int:
        return sum(target.size for target in self.items)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(target.name for target in self.items if target.name)

    @property
    def spans(self) -> tuple[Span, ...]:
        return merge(target.span for target in self.items if not target.name)


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted spans that neither overlap nor touch."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def subtract(spans: Sequence[Span], holes: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of merged spans without merged holes, in one pass over both."""
    left: list[Span] = []
    at = 0
    for first, last in spans:
        while at < len(holes) and holes[at][1] < first:
            at += 1
        left += _cut(first, last, holes, at)
    return tuple(left)


def _cut(first: int, last: int, holes: Sequence[Span], at: int) -> Iterable[Span]:
    while at < len(holes) and holes[at][0] <= last:
        if first < holes[at][0]:
            yield first, holes[at][0] - 1
        first = holes[at][1] + 1
        at += 1
    if first <= last:
        yield first, last
