"""When a look continues the span before it, and when it ends it: a decision, without database or clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Answer:
    """What makes two looks the same: codes, never free text, which may differ each time and mean nothing.

    ``chain`` is a primary key, None where nothing was served. Version and cipher are not part of it: they depend on
    what was offered, and a change of them is no other answer.
    """

    outcome: str
    reason: str
    chain: int | None


def continues(before: Answer, last_seen_at: datetime, answer: Answer, now: datetime, schedule: timedelta) -> bool:
    """Say whether the same answer was given and not too long ago: twice the schedule is still one span."""
    return before == answer and gap(last_seen_at, now) <= 2 * schedule


def gap(last_seen_at: datetime, now: datetime) -> timedelta:
    """The time without a look; none if results arrive in another order than they were made."""
    return max(now - last_seen_at, timedelta())
