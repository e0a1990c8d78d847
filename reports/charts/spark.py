"""A small line without axes: how a number went, day by day or week by week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 72
HEIGHT = 18
INSET = 3


@dataclass(frozen=True, slots=True)
class Spark:
    """``points`` is for a polyline in a box of WIDTH × HEIGHT; the last point is where the dot stands."""

    points: str
    last_x: float
    last_y: float
    first: int
    last: int
    width: int = WIDTH
    height: int = HEIGHT


def sparkline(values: Sequence[int]) -> Spark | None:
    """Return the line from zero up to the highest value; a single value has no course."""
    if len(values) < 2:
        return None
    highest = max(*values, 1)
    across = (WIDTH - 2 * INSET) / (len(values) - 1)
    up = HEIGHT - 2 * INSET
    places = [
        (round(INSET + place * across, 1), round(HEIGHT - INSET - up * value / highest, 1))
        for place, value in enumerate(values)
    ]
    return Spark(" ".join(f"{x},{y}" for x, y in places), *places[-1], values[0], values[-1])
