"""One change of many certificates or endpoints: at once if they are few, else a job that goes on after a killed worker.

A batch is one short transaction: who asked is asked for again what they may do, the rows are found again among those
that they see, and the claim is beaten with the last primary key that is done. A batch is therefore written whole by
one worker, or not at all. The audit chain gets one event when a job begins, and one with count and digest at its end.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from accounts.models import User
from accounts.services import audit, require_change, still_acts
from certdash.lib.work import LEASE, OPEN, Clock, WorkStatus, resume
from inventory import filters
from inventory.filters import count_up_to, error_sentences
from inventory.models import BulkChange, Certificate, Endpoint
from inventory.services.bulk_kinds import KINDS, Batch
from inventory.services.taking_back import can_be_taken_back, changed_rows, require_taking_back
from inventory.services.writing import among

log = logging.getLogger(__name__)

RUN = "inventory.tasks.run_bulk_change"
AT_ONCE = 500
BATCH = 250
MOST_ATTEMPTS = 20
# A job lets others have the worker after this, and waits in the queue for its next turn.
TURN = timedelta(seconds=30)
SELECT: Mapping[str, Any] = {
    BulkChange.Subject.CERTIFICATES: filters.certificates,
    BulkChange.Subject.ENDPOINTS: filters.endpoints,
}
MODELS: Mapping[str, type[Certificate] | type[Endpoint]] = {
    BulkChange.Subject.CERTIFICATES: Certificate,
    BulkChange.Subject.ENDPOINTS: Endpoint,
}


class ChangeError(Exception):
    """The change cannot go on; the message says why, for the person who waits for it."""


def begin_change(
    subject: str,
    kind: str,
    query_or_chosen: str | Collection[int],
    change: Mapping[str, Any],
    reason: str = "",
    *,
    actor: User,
    now: datetime,
) -> BulkChange:
    """Change all that a query string finds for the actor at ``now``, or those rows with these primary keys.

    Up to ``AT_ONCE`` rows are changed before it returns, in this transaction; more wait for a worker. Raises
    PermissionDenied if the actor changes nothing, and ChangeError if the query is not understood.
    """
    require_change(actor)
    query = query_or_chosen if isinstance(query_or_chosen, str) else ""
    chosen = [] if isinstance(query_or_chosen, str) else sorted(set(query_or_chosen))
    if not chosen and not isinstance(query_or_chosen, str):
        raise ChangeError(_("Nothing was chosen."))
    work = BulkChange(subject=subject, kind=kind, query=query, chosen=chosen, change=dict(change), reason=reason[:300])
    return _begin(work, actor, now)


@transaction.atomic
def take_back_change(of: BulkChange, *, actor: User, now: datetime) -> BulkChange:
    """Restore what a change of owners, or the rules, changed and nobody changed since; a change of its own.

    Raises PermissionDenied if the actor may not, and ChangeError if it is taken back already, or cannot be.
    """
    require_taking_back(of, actor)
    locked = BulkChange.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=of.pk).first()
    if locked is None or not can_be_taken_back(locked, actor):
        raise ChangeError(_("This change was taken back already, or it cannot be taken back."))
    return _begin(BulkChange(subject=of.subject, kind=BulkChange.Kind.UNDO, undoes=locked), actor, now)


@transaction.atomic
def _begin(work: BulkChange, actor: User, now: datetime) -> BulkChange:
    work.requested_by, work.created_at = actor, now
    # Who waits for a worker is not handed over again before this.
    work.claim_until = now + LEASE
    work.save()
    rows: QuerySet[Any] = changed_rows(work) if work.kind == BulkChange.Kind.UNDO else _found(work, actor)
    if count_up_to(rows, AT_ONCE).exact:
        _run_at_once(work, now)
    else:
        async_task(RUN, work.pk)
        audit(actor, f"{work.subject}.change_begun", work, after=_asked(work), now=now)
    return work


def run_change(pk: int, worker: str, clock: Clock) -> None:
    """Do the work, or go on with it, unless another worker has it or it has ended. Safe to call twice."""
    work = BulkChange.objects.filter(pk=pk).first()
    if work is None or not work.is_open or not work.claim(worker, clock()):
        return
    until = clock() + TURN
    try:
        _stop_a_killer(work)
        _count(work, clock)
        while _step(work, clock()):
            if clock() > until:
                _wait_for_a_turn(work, clock())
                return
    except (ChangeError, PermissionDenied) as error:
        _end(work, WorkStatus.FAILED, clock(), error=str(error) or _("You may not change these."))
        log.warning("bulk change %s failed: %s", pk, error)
    except ClaimLostError:
        log.info("bulk change %s was cancelled, or another worker has it", pk)
    else:
        _end(work, WorkStatus.DONE, clock())


def resume_changes(now: datetime) -> int:
    """Hand over again what nobody works on: its task was lost on the way, or its worker died. Safe to call twice."""
    return resume(BulkChange.objects.stranded(now), RUN, now)


@transaction.atomic
def cancel_change(work: BulkChange, *, actor: User, now: datetime) -> bool:
    """Change nothing more; what was changed stays. False if it had ended."""
    row = BulkChange.objects.visible_to(require_change(actor)).select_for_update(of=("self",)).filter(pk=work.pk)
    found = row.filter(status__in=OPEN).first()
    if found is None:
        return False
    BulkChange.objects.filter(pk=found.pk).update(status=WorkStatus.CANCELLED, finished_at=now, claim_until=None)
    audit(actor, f"{found.subject}.change_cancelled", found, after=_became(found), now=now)
    return True


class ClaimLostError(Exception):
    """Somebody cancelled the change, or another worker has it: what this batch wrote is taken back."""


def _run_at_once(work: BulkChange, now: datetime) -> None:
    if not work.claim("at once", now):
        raise ClaimLostError
    _count(work, lambda: now)
    while _step(work, now):
        pass
    _end(work, WorkStatus.DONE, now)


def _step(work: BulkChange, now: datetime) -> bool:
    """Change the next batch. False if none is left."""
    with transaction.atomic():
        actor = _actor(work, now)
        pks, last = _next(work, actor)
        if not last:
            return False
        changed = KINDS[work.kind](Batch(work, MODELS[work.subject], pks, actor, now)) if pks else []
        progress: dict[str, Any] = {
            "done": F("done") + len(pks),
            "changed": F("changed") + len(changed),
            "last_pk": last,
            "digest": _digest(work.digest, changed) if changed else work.digest,
        }
        if not work.beat(now, **progress):
            raise ClaimLostError
    work.refresh_from_db()
    return True


def _actor(work: BulkChange, now: datetime) -> User:
    """Who asked, as they are now."""
    actor = still_acts(work.requested_by_id, now)
    if actor is None:
        raise ChangeError(_("The person who asked for this may not do it any more, so nothing more is changed."))
    return actor


def _next(work: BulkChange, actor: User) -> tuple[list[int], int]:
    """The rows of the next batch, and the key behind which the one after it begins; 0 if there is nothing left.

    What is taken back is read from what was kept of it: a filter over all rows would cost more with each batch.
    """
    if work.kind == BulkChange.Kind.UNDO:
        behind = changed_rows(work).filter(row__gt=work.last_pk).order_by("row")
        window = list(behind.values_list("row", flat=True)[:BATCH])
        visible: QuerySet[Any] = MODELS[work.subject].objects.visible_to(actor)
        seen = visible.filter(among("pk", window)).order_by("pk")
        return list(seen.values_list("pk", flat=True)), window[-1] if window else 0
    found = _found(work, actor).filter(pk__gt=work.last_pk).order_by("pk")
    pks = list(found.values_list("pk", flat=True)[:BATCH])
    return pks, pks[-1] if pks else 0


def _found(work: BulkChange, actor: User) -> QuerySet[Any]:
    """The rows in question, as far as this person sees them now. The filter's clock stands at the question."""
    model = MODELS[work.subject]
    if not work.query and work.chosen:
        visible: QuerySet[Any] = model.objects.visible_to(actor)
        return visible.filter(among("pk", work.chosen))
    result = SELECT[work.subject](work.query, actor, work.created_at)
    if result.errors:
        raise ChangeError(" ".join(error_sentences(result.errors)))
    found: QuerySet[Any] = result.queryset
    return found


def _count(work: BulkChange, clock: Clock) -> None:
    """Count once how many there are to go through."""
    if work.total:
        return
    total = _named(work) or _found(work, _actor(work, clock())).order_by().count()
    if not work.beat(clock(), total=total):
        raise ClaimLostError
    work.total = total


def _named(work: BulkChange) -> int:
    """How many rows the change itself names; 0 if a filter finds them."""
    return changed_rows(work).count() if work.kind == BulkChange.Kind.UNDO else len(work.chosen)


@transaction.atomic
def _end(work: BulkChange, status: WorkStatus, now: datetime, error: str = "") -> None:
    """Ticked rows that were not seen any more, or never, are what was left out."""
    named = _named(work)
    left_out = max(0, work.total - work.done) if named else 0
    total = work.total if named or status != WorkStatus.DONE else work.done
    if work.end(status, now, error=error, skipped=left_out, total=total):
        work.refresh_from_db()
        verb = "changed_in_bulk" if status == WorkStatus.DONE else "change_failed"
        audit(work.requested_by, f"{work.subject}.{verb}", work, after=_became(work), now=now)


def _asked(work: BulkChange) -> dict[str, Any]:
    return {
        "kind": work.kind,
        "filter": work.query,
        "chosen": len(work.chosen),
        "change": work.change,
        "reason": work.reason,
        **({"undoes": work.undoes_id} if work.undoes_id else {}),
    }


def _became(work: BulkChange) -> dict[str, Any]:
    return {**_asked(work), "count": work.changed, "left_out": work.skipped, "digest": work.digest}


def _digest(before: str, changed: Collection[str]) -> str:
    """SHA-256 over the digest so far and the names of what a batch changed."""
    return hashlib.sha256("\n".join([before, *changed]).encode()).hexdigest()


def _stop_a_killer(work: BulkChange) -> None:
    if work.attempts > MOST_ATTEMPTS and not work.done:
        raise ChangeError(_("Given up: each time the worker that made this change was ended."))


@transaction.atomic
def _wait_for_a_turn(work: BulkChange, now: datetime) -> None:
    if work.beat(now, status=WorkStatus.QUEUED):
        async_task(RUN, work.pk)
