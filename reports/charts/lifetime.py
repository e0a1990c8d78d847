"""The life of one certificate as a bar: what is gone, what is left, and where the marks stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.charts.scale import percent

# Words closer to each other than this share of the bar would touch on a sheet of 900 pixels.
ROOM_FOR_WORDS = 0.14
# What stands at the right end takes so much of it.
LAST_WORDS = 0.93
EDGE = 0.2


@dataclass(frozen=True, slots=True)
class Mark:
    """A named moment on the bar: from here on the status is ``code``.

    ``anchor`` is the side to which its words run; it is empty where they would touch others: the tick stays.
    """

    code: str
    at: datetime
    x: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Lifetime:
    """``phase`` is before, during, after, inverted (it ends before it begins) or unknown (unreadable dates).

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
INVERTED = Lifetime("inverted", "0%", "start", (), 0, 0)


def lifetime(
    not_before: datetime | None,
    not_after: datetime | None,
    now: datetime,
    *,
    expiring_from: datetime | None = None,
    urgent_from: datetime | None = None,
) -> Lifetime:
    """Place a life. The two moments are those by which the status is decided, so that bar and word agree."""
    if not_before is None or not_after is None:
        return UNKNOWN
    if not_after <= not_before:
        return INVERTED
    life = not_after - not_before
    gone = (now - not_before) / life
    return Lifetime(
        phase="before" if gone < 0 else "after" if gone > 1 else "during",
        elapsed=percent(gone),
        today_anchor=_anchor(gone),
        marks=_marks(not_before, life, {"expiring": expiring_from, "urgent": urgent_from}),
        days=round(life.total_seconds() / 86400),
        days_left=int((not_after - now).total_seconds() / 86400),
    )


def _anchor(fraction: float) -> str:
    """The words at today are about a third as wide as a phone: near an edge they run inwards."""
    if fraction < EDGE:
        return "start"
    return "end" if fraction > 1 - EDGE else "middle"


def _marks(not_before: datetime, life: timedelta, moments: Mapping[str, datetime | None]) -> tuple[Mark, ...]:
    marks = []
    free_from = ROOM_FOR_WORDS
    for code, at in moments.items():
        if at is not None:
            fraction = (at - not_before) / life
            anchor = _side(fraction) if fraction >= free_from else ""
            free_from = fraction + ROOM_FOR_WORDS if anchor else free_from
            marks.append(Mark(code, at, percent(fraction), anchor))
    return tuple(marks)


def _side(fraction: float) -> str:
    """The ends are named below the bar at its two edges; today stands above it and is in nobody's way."""
    if fraction <= 1 - ROOM_FOR_WORDS:
        return "middle"
    return "end" if fraction <= LAST_WORDS else ""
