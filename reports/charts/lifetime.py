"""The life of one certificate as a bar: what is gone, what is left, and where the marks stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.charts.scale import percent

# Words closer to each other than this share of the bar would touch on a sheet of 900 pixels.
ROOM_FOR_WORDS = 0.14
EDGE = 0.2


@dataclass(frozen=True, slots=True)
class Mark:
    """A named moment on the bar. ``has_words`` is false where its words would touch another's: the tick stays."""

    code: str
    at: datetime
    x: str
    has_words: bool


@dataclass(frozen=True, slots=True)
class Lifetime:
    """``phase`` is before, during, after or unknown (unreadable or inverted dates).

    ``elapsed`` is the share of life gone, ``today_anchor`` the side to which the words at today run. ``days`` is the
    length of the life, ``days_left`` is negative after the end.
    """

    phase: str
    elapsed: str
    today_anchor: str
    marks: tuple[Mark, ...]
    days: int
    days_left: int

    @property
    def days_past(self) -> int:
        return -self.days_left


UNKNOWN = Lifetime("unknown", "0%", "start", (), 0, 0)


def lifetime(not_before: datetime | None, not_after: datetime | None, now: datetime) -> Lifetime:
    if not_before is None or not_after is None or not_after <= not_before:
        return UNKNOWN
    life = not_after - not_before
    gone = (now - not_before) / life
    return Lifetime(
        phase="before" if gone < 0 else "after" if gone > 1 else "during",
        elapsed=percent(gone),
        today_anchor=_anchor(gone),
        marks=tuple(
            Mark(code, not_before + life * fraction, percent(fraction), _has_room(fraction))
            for code, fraction in (("two_thirds", 2 / 3), ("five_sixths", 5 / 6))
        ),
        days=round(life.total_seconds() / 86400),
        days_left=int((not_after - now).total_seconds() / 86400),
    )


def _anchor(fraction: float) -> str:
    """The words at today are about a third as wide as a phone: near an edge they run inwards."""
    if fraction < EDGE:
        return "start"
    return "end" if fraction > 1 - EDGE else "middle"


def _has_room(fraction: float) -> bool:
    """The ends are named below the bar at its two edges; today stands above it and is in nobody's way."""
    return ROOM_FOR_WORDS <= fraction <= 1 - ROOM_FOR_WORDS
