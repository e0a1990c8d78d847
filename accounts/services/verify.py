"""Checking the audit chain against what is known of it outside the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from accounts.models import AuditEvent
from accounts.services.chain import BEFORE_THE_FIRST, digest_of
from accounts.services.heads import Outside


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: the number of the event concerned (0: of none), and what is wrong in words."""

    number: int
    what: str

    def __str__(self) -> str:
        return f"event {self.number}: {self.what}" if self.number else self.what


@dataclass(slots=True)
class Verification:
    """What a check found. ``newer``: events after the last head known outside, chained but not anchored."""

    events: int = 0
    number: int = 0
    digest: str = BEFORE_THE_FIRST
    newer: int = 0
    faults: list[Fault] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)


def verify_audit(
    events: Iterable[AuditEvent],
    outside: Outside,
    head: tuple[int, str],
    *,
    after: tuple[int, str] = (0, BEFORE_THE_FIRST),
) -> Verification:
    """Check ``events``, ascending by number, which begin right after ``after`` and end with ``head``.

    Finds each event that was edited, deleted, inserted, moved, or cut off at the end. Asks no database.
    """
    found, last = Verification(number=after[0], digest=after[1]), outside.last
    for event in events:
        found.faults += [Fault(event.number, what) for what in _event_faults(event, found, outside)]
        found.missed += [event.number] if outside.misses(event.number, event.digest) else []
        found.events += 1
        found.newer += event.number > last
        found.number, found.digest = event.number, event.digest
    found.faults += _missed_faults(found.missed)
    found.faults += _end_faults(found, outside, head)
    return found


def page_faults(events: Iterable[AuditEvent], outside: Outside) -> list[Fault]:
    """Check events that need not be neighbours: each against its own digest and the copy outside."""
    rows = list(events)
    faults = [Fault(event.number, what) for event in rows for what in _own_faults(event, outside)]
    missed = sorted(event.number for event in rows if outside.misses(event.number, event.digest))
    return [*faults, *_missed_faults(missed), *(Fault(0, what) for what in outside.damage)]


def _event_faults(event: AuditEvent, previous: Verification, outside: Outside) -> Iterator[str]:
    if event.number == previous.number + 2:
        yield f"event {previous.number + 1} before it is missing: deleted"
    elif event.number > previous.number + 2:
        yield f"events {previous.number + 1} to {event.number - 1} before it are missing: deleted"
    elif event.number <= previous.number:
        yield f"it stands after event {previous.number}: moved or inserted"
    if event.previous_digest != previous.digest:
        yield "it does not continue the event before it: one of the two was changed, moved, inserted or deleted"
    yield from _own_faults(event, outside)


def _own_faults(event: AuditEvent, outside: Outside) -> Iterator[str]:
    if not _is_as_digested(event):
        yield "its content does not match its digest: edited"
    known = outside.kept.get(event.number)
    if known is not None and known != event.digest:
        yield "it is not the event that the copy outside the database knows: edited, moved or replaced"


def _is_as_digested(event: AuditEvent) -> bool:
    try:
        return digest_of(event) == event.digest
    except (AttributeError, TypeError, ValueError, OverflowError):
        # SQLite takes any value in any column, also what can be no content of an event.
        return False


def _missed_faults(numbers: list[int]) -> Iterator[Fault]:
    """One fault for each run of neighbours: a lost copy misses thousands."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    for first, last in runs:
        those = "it" if first == last else f"this and the events up to {last}"
        yield Fault(first, f"the copy outside the database does not know {those}: inserted, or the copy was cut")


def _end_faults(found: Verification, outside: Outside, head: tuple[int, str]) -> list[Fault]:
    faults = [Fault(number, "the copy outside knows two events of this number") for number in outside.conflicts]
    faults += [Fault(0, what) for what in outside.damage]
    if outside.last > found.number:
        what = f"the chain ends at {found.number}, the copy outside knows {outside.last}: cut off"
        faults.append(Fault(found.number + 1, what))
    if head != (found.number, found.digest):
        faults.append(Fault(found.number, f"the chain ends here, its head row says {head[0]}"))
    return faults
