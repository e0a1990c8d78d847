"""Looking at our own chain: whole, by the clock or on demand, and page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import DataError, transaction
from django.db.models import QuerySet

from accounts.models import AuditEvent, AuditHead, User
from accounts.services.audit import audit_head
from accounts.services.heads import Outside, read, read_own
from accounts.services.verify import Fault, Verification, page_faults, verify_audit

_KEY = "accounts.audit.checked"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The last check of the whole chain: up to which event, when, and what was wrong."""

    number: int
    at: datetime
    faults: tuple[Fault, ...]


def verify_stored(sources: Sequence[str] = ()) -> tuple[Verification, Outside]:
    """Check the stored chain against ``sources`` (``heads.read``), or else against the copy of this installation.

    Takes some seconds per 100,000 events. Events may be written meanwhile: then it looks again, and at last holds
    writers back. Raises OSError if one of ``sources`` cannot be read.
    """
    for _attempt in range(_ATTEMPTS):
        head = audit_head()
        found, outside = _look(sources, head)
        if audit_head() == head:
            return found, outside
    with transaction.atomic():
        AuditHead.objects.select_for_update().filter(pk=1).first()
        return _look(sources, audit_head())


def check_chain(now: datetime) -> ChainCheck:
    """Check every event against the copy outside, and remember what came out."""
    found, _outside = verify_stored()
    return keep_check(found, now)


def keep_check(found: Verification, now: datetime) -> ChainCheck:
    """Remember what a check of the whole chain found, for the page of the audit."""
    check = ChainCheck(found.number, now, tuple(found.faults))
    cache.set(_KEY, check, None)
    return check


def last_check() -> ChainCheck | None:
    check: ChainCheck | None = cache.get(_KEY)
    return check


def check_page(events: Iterable[AuditEvent]) -> list[Fault]:
    """Check the events of one page against their digests and the last lines of the copy outside."""
    return page_faults(events, _anchored(read_own(tail=True)))


def stored_events(events: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    """Yield ``events`` also where SQLite keeps what is no moment or no number: ``at`` is None then, the number 0."""
    for event in events.defer("at").iterator(2000):
        try:
            _loaded = event.at
        except (TypeError, ValueError, DataError):
            event.at = None  # type: ignore[assignment]  # damaged: no type is promised
        event.number = event.number if _is_number(event.number) else 0
        yield event


def page_of(events: QuerySet[AuditEvent]) -> list[AuditEvent]:
    """Read events that are few, also if one of them is damaged."""
    try:
        rows = list(events)
    except (TypeError, ValueError, DataError):
        return list(stored_events(events))
    return rows if all(_is_number(event.number) for event in rows) else list(stored_events(events))


def _is_number(value: object) -> bool:
    return isinstance(value, int)


def _look(sources: Sequence[str], head: tuple[int, str]) -> tuple[Verification, Outside]:
    outside = _anchored(read(sources) if sources else read_own())
    events = AuditEvent.objects.order_by("number")
    try:
        return verify_audit(events.iterator(2000), outside, head), outside
    except (TypeError, ValueError, DataError):
        # A row that cannot be read: slower, one by one.
        return verify_audit(stored_events(events), outside, head), outside


def _anchored(outside: Outside) -> Outside:
    """Call it damage that nothing is known outside, unless nothing can have happened here yet."""
    if not outside.kept and any(model.objects.exists() for model in (AuditEvent, AuditHead, User)):
        outside.damage.append("nothing is known outside the database, so what was deleted or cut would not be seen")
    return outside
