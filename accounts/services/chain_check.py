"""Looking at our own chain: whole, by the clock or on demand, and page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from accounts.models import AuditEvent, AuditHead
from accounts.services.audit import audit_head
from accounts.services.heads import Outside, read, read_tail
from accounts.services.verify import Fault, Verification, page_faults, verify_audit

_KEY = "accounts.audit.checked"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The last check of the whole chain: up to which event, when, and what was wrong."""

    number: int
    at: datetime
    faults: tuple[Fault, ...]


def verify_stored(sources: Sequence[str]) -> tuple[Verification, Outside]:
    """Check the stored chain against ``sources`` (``heads.read``). Takes some seconds per 100,000 events.

    Events may be written meanwhile: then it looks again, and at last holds writers back.
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
    found, outside = verify_stored(default_heads())
    faults = found.faults
    if found.events and not outside.kept:
        faults.append(Fault(found.number, "nothing is known outside the database, so a cut tail would not be seen"))
    check = ChainCheck(found.number, now, tuple(faults))
    cache.set(_KEY, check, None)
    return check


def last_check() -> ChainCheck | None:
    check: ChainCheck | None = cache.get(_KEY)
    return check


def check_page(events: Iterable[AuditEvent]) -> list[Fault]:
    """Check the events of one page against their digests and the last lines of the copy outside."""
    sources = default_heads()
    return page_faults(events, read_tail(Path(sources[0])) if sources else Outside())


def default_heads() -> list[str]:
    return [settings.AUDIT_HEADS] if Path(settings.AUDIT_HEADS).exists() else []


def _look(sources: Sequence[str], head: tuple[int, str]) -> tuple[Verification, Outside]:
    outside = read(sources)
    return verify_audit(AuditEvent.objects.order_by("number").iterator(2000), outside, head), outside
