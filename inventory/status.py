"""The one status of a certificate: a pure function of dates, standing and ``now``.

Its twin for querysets is ``CertificateQuerySet.with_status``; a property test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A share of the lifetime stays right for 47-day and 6-day certificates; the cap keeps a ten-year certificate from
# being "expiring" for three years.
EXPIRING_AT_MOST = timedelta(days=30)
URGENT_AT_MOST = timedelta(days=14)
DAY = timedelta(days=1)
# Clocks of several machines differ a little. What lies further ahead was written while a clock was wrong: no evidence.
AHEAD = timedelta(minutes=5)


class Status(StrEnum):
    """Exactly one holds: the first in this order."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRING = "expiring"
    SUPERSEDED = "superseded"
    GONE = "gone"
    IN_DATE = "in_date"
    UNKNOWN = "unknown"


WORDS = {
    Status.REVOKED: "revoked",
    Status.EXPIRED: "expired",
    Status.NOT_YET_VALID: "not yet valid",
    Status.EXPIRING: "expiring",
    Status.SUPERSEDED: "superseded",
    Status.GONE: "gone",
    Status.IN_DATE: "in date",
    Status.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What the decision needs to know. Dates are None when they could not be read."""

    not_before: datetime | None
    not_after: datetime | None
    expiring_from: datetime | None
    revoked_at: datetime | None = None
    superseded: bool = False
    served_ever: bool = False
    nodes_serving: int = 0


def status(situation: Situation, now: datetime) -> Status:
    """Return the first status that holds. Both ends of the validity belong to it (RFC 5280, 4.1.2.5)."""
    s = situation
    if s.revoked_at is not None and s.revoked_at <= now:
        return Status.REVOKED
    if s.not_before is None or s.not_after is None:
        return Status.UNKNOWN
    return _by_date(s, now) or _by_standing(s)


def _by_date(s: Situation, now: datetime) -> Status | None:
    if s.not_after is not None and now > s.not_after:
        return Status.EXPIRED
    if s.not_before is not None and now < s.not_before:
        return Status.NOT_YET_VALID
    if s.expiring_from is None:
        return Status.UNKNOWN
    return Status.EXPIRING if now >= s.expiring_from else None


def _by_standing(s: Situation) -> Status:
    if s.superseded:
        return Status.SUPERSEDED
    if s.served_ever and not s.nodes_serving:
        return Status.GONE
    return Status.IN_DATE


def little_life_left_from(
    not_before: datetime | None, not_after: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Return when a certificate becomes *expiring* and when *urgent*.

    Expiring: a third of its life left, at most 30 days. Urgent: a sixth, at most 14 days. ``(None, None)`` if the
    dates are unreadable or inverted.
    """
    if not_before is None or not_after is None or not_after < not_before:
        return None, None
    life = not_after - not_before
    return (
        not_after - min(life / 3, EXPIRING_AT_MOST),
        not_after - min(life / 6, URGENT_AT_MOST),
    )


def life_days(not_before: datetime | None, not_after: datetime | None) -> int | None:
    """Whole days of the validity period, both ends of which belong to it (RFC 5280, 4.1.2.5); None: not known."""
    if not_before is None or not_after is None:
        return None
    return (not_after - not_before + timedelta(seconds=1)) // DAY


def days_left(not_after: datetime | None, now: datetime) -> int | None:
    """Whole days until the end, negative after it, rounded towards now as pages say them.

    What ended 40 and a half days ago has -40 left; 0 is less than a day before or after the end.
    """
    if not_after is None:
        return None
    return (not_after - now) // DAY if not_after >= now else -((now - not_after) // DAY)
