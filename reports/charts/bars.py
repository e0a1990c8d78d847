"""Sorted horizontal bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports.charts.scale import percent

LEAST = 0.008  # of the width: one certificate stays visible beside thousands


@dataclass(frozen=True, slots=True)
class Bar:
    """One line: ``kind`` (machine, failing, nobody) chooses colour and pattern; ``width`` is filled in by us."""

    label: str
    count: int
    url: str = ""
    kind: str = "machine"
    width: str = "0%"


@dataclass(frozen=True, slots=True)
class Bars:
    """The longest bars first; ``others`` lines were left out, with ``others_count`` between them."""

    rows: tuple[Bar, ...]
    others: int
    others_count: int
    others_width: str


def sorted_bars(bars: Iterable[Bar], most: int = 8, others: int = 0, others_count: int = 0) -> Bars:
    """Sort by count and keep the first ``most``; one line alone is never folded into "1 other".

    ``others`` lines with ``others_count`` between them were not given, because each counts less.
    """
    rows = sorted(bars, key=lambda bar: (-bar.count, bar.label))
    kept = rows if len(rows) + others <= most + 1 else rows[:most]
    left_out = rows[len(kept) :]
    others_count += sum(bar.count for bar in left_out)
    longest = max([bar.count for bar in kept] + [others_count, 1])
    return Bars(
        rows=tuple(Bar(b.label, b.count, b.url, b.kind, _width(b.count, longest)) for b in kept),
        others=len(left_out) + others,
        others_count=others_count,
        others_width=_width(others_count, longest),
    )


def _width(count: int, longest: int) -> str:
    return percent(max(count / longest, LEAST)) if count else "0%"
