"""Steps, ticks and percentages that all charts share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line: the number it stands for and its height from the top, in pixels."""

    value: int
    y: float


def percent(fraction: float) -> str:
    """Return 0.125 as ``12.5%``; what lies outside of 0 to 1 is put on the edge."""
    return f"{min(max(fraction, 0.0), 1.0) * 100:.4g}%"


def step(highest: int, most: int = 3) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 … of which at most ``most`` reach ``highest``."""
    decade = 1
    while True:
        for factor in (1, 2, 5):
            if highest < (most + 1) * factor * decade:
                return factor * decade
        decade *= 10


def ticks(highest: int, top: int, bottom: int) -> tuple[Tick, ...]:
    """Return the grid lines for numbers from 0 to ``highest``, drawn from ``bottom`` up to ``top``."""
    highest = max(highest, 1)
    size = step(highest)
    return tuple(
        Tick(value, round(bottom - (bottom - top) * value / highest, 1)) for value in range(0, highest + 1, size)
    )
