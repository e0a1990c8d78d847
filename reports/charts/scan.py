"""A running scan: one bar of outcomes, and the grid of its shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.charts.scale import percent

# The order along the bar, with the fill of each (`fill` in certdash.templatetags.charts).
OUTCOMES = (
    ("answered", "accent"),
    ("refused", "machine"),
    ("silent", "silent"),
    ("excluded", "nobody"),
    ("failed", "failing"),
    ("not_tried", "track"),
)
# What a grid cell shows if its shards differ: the first of these.
CELL_ORDER = ("failed", "cancelled", "running", "queued", "done")
LEAST = 0.004


@dataclass(frozen=True, slots=True)
class Part:
    code: str
    fill: str
    count: int
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Cell:
    """``count`` shards that lie beside each other, under the state that needs most attention."""

    state: str
    count: int


def progress_parts(counts: dict[str, int]) -> tuple[Part, ...]:
    """Place all six outcomes; absent ones count 0 and get no width. They fill the bar together."""
    shares = [max(counts.get(code, 0), 0) for code, _fill in OUTCOMES]
    asked = sum(shares)
    wanted = [max(share / asked, LEAST) if share else 0.0 for share in shares] if asked else [0.0] * len(shares)
    scale = sum(wanted) or 1.0
    parts: list[Part] = []
    x = 0.0
    for (code, fill), count, width in zip(OUTCOMES, shares, wanted, strict=True):
        parts.append(Part(code, fill, count, percent(x), percent(width / scale)))
        x += width / scale
    return tuple(parts)


def shard_grid(states: Sequence[str], most: int = 256) -> tuple[Cell, ...]:
    """Return one cell per shard, or per run of neighbours if there are more than ``most``."""
    size = -(-len(states) // most) or 1
    runs = [states[start : start + size] for start in range(0, len(states), size)]
    return tuple(Cell(_foremost(run), len(run)) for run in runs)


def _foremost(states: Sequence[str]) -> str:
    known = [state for state in CELL_ORDER if state in states]
    return known[0] if known else "queued"
