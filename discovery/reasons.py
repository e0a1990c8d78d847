"""What the last look at a source or a network is worth now, with the sentence that a person reads.

Good is said only of what answered, in time, and as much as was known before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from inventory.status import AHEAD

# Where nothing looks regularly, evidence is as old after two days as where something looks daily.
NO_SCHEDULE = timedelta(days=1)


class State(StrEnum):
    """Exactly one holds: the first in this order."""

    OFF = "switched off"
    FAILED = "failed"
    NEVER = "never scanned"
    LATE = "late"
    UNPROVEN = "unproven"
    STALE = "stale"
    IN_PART = "in part"
    COVERED = "covered"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the last ended look says. ``looked_at`` None: there was none. ``every`` None: nothing looks regularly.

    ``answered`` counts places that answered, ``known`` those that are known to exist and not retired,
    ``missed`` those of them that did not answer this time, or that nobody asked.
    """

    looked_at: datetime | None = None
    every: timedelta | None = None
    answered: int = 0
    known: int = 0
    missed: int = 0
    is_whole: bool = True
    is_on: bool = True
    error: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    state: State
    sentence: str
    at: datetime | None = None

    @property
    def is_good(self) -> bool:
        return self.state is State.COVERED

    @property
    def is_bad(self) -> bool:
        """Something broke. What is neither is not known to be good."""
        return self.state in (State.FAILED, State.LATE, State.STALE)


def standing(evidence: Evidence, now: datetime) -> Standing:
    """Return the first state that holds."""
    state, sentence = _by_run(evidence) or _by_age(evidence, now) or _by_answers(evidence)
    return Standing(state, sentence, evidence.looked_at)


def is_late(looked_at: datetime, every: timedelta | None, now: datetime) -> bool:
    """Whether it is no evidence by its age, which a moment in the future has none of."""
    return now > looked_at + 2 * (every or NO_SCHEDULE) or is_ahead(looked_at, now)


def is_ahead(moment: datetime, now: datetime) -> bool:
    return moment > now + AHEAD


def _by_run(e: Evidence) -> tuple[State, str] | None:
    if not e.is_on:
        return State.OFF, "It is switched off: what it found grows old."
    if e.error:
        return State.FAILED, f"The last scan failed: {e.error}"
    if e.looked_at is None:
        return State.NEVER, "No scan of it has ended yet."
    return None


def _by_age(e: Evidence, now: datetime) -> tuple[State, str] | None:
    """A schedule that passed by more than its own interval is broken."""
    if e.looked_at is None or not is_late(e.looked_at, e.every, now):
        return None
    if is_ahead(e.looked_at, now):
        return State.LATE, "Its last look lies in the future: the clock was changed, so it counts as not looked at."
    if e.every is None:
        return State.LATE, "It was looked at once, too long ago; no source looks at it again."
    return State.LATE, "The next scan is overdue by more than its interval."


def _by_answers(e: Evidence) -> tuple[State, str]:
    if not e.answered:
        return State.UNPROVEN, "Nothing there answered with a certificate: empty, or out of our reach."
    if e.missed:
        places = "place" if e.known == 1 else "places"
        return State.STALE, f"{e.missed:,} of {e.known:,} {places} known to exist did not answer, or were not asked."
    if not e.is_whole:
        return State.IN_PART, "Only a part of its addresses was asked."
    return State.COVERED, "The last finished scan asked all of it, and what is known to exist answered."
