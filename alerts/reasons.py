"""Whether a daily mail is due, and whether there is something to say in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

MONDAY = 0
# A zero says something only if nearly all of its population was looked at in time.
ENOUGH_JUDGED = 0.95
MOST_IN_A_SUBJECT = 3


def day_to_write(now: datetime, zone: tzinfo, hour: int, written: Collection[date]) -> date | None:
    """The day whose mails shall be written now, unless they are: today's from ``hour`` on by the clock on the wall.

    Before that hour it is yesterday's, if they were missed and there were any before; older ones are never made up.
    An hour that the clock skips in spring counts as past when it is skipped; one that comes twice counts once.
    """
    local = now.astimezone(zone)
    today = local.date()
    if local.hour >= hour:
        return None if today in written else today
    yesterday = today - timedelta(days=1)
    was_missed = yesterday not in written and any(day < yesterday for day in written)
    return yesterday if was_missed else None


class Say(StrEnum):
    SOMETHING = "something"
    UNKNOWN = "unknown"
    NOTHING_TO_REPORT = "nothing to report"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Found:
    """How many things one part of the mail tells of. What is only told ``beside`` others is no reason to write."""

    code: str
    number: int
    beside: bool = False


def what_to_say(found: Iterable[Found], judged: int, population: int, day: date) -> Say:
    """What is bad is always said; that nobody knows, too; that all is well on Mondays, and only if it is known."""
    if any(one.number and not one.beside for one in found):
        return Say.SOMETHING
    if not population:
        return Say.SILENCE
    if judged < population * ENOUGH_JUDGED:
        return Say.UNKNOWN
    return Say.NOTHING_TO_REPORT if day.weekday() == MONDAY else Say.SILENCE
