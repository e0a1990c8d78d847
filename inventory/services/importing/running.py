"""What a worker does with an import: one claim per step, in batches that a killed worker's successor goes on behind."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.services import audit
from certdash.lib.work import Clock, Heart, WorkStatus, resume
from inventory.models import Import, ImportItem
from inventory.services.importing import spool
from inventory.services.importing.asking import ROUNDS, RUN
from inventory.services.importing.claims import ImportFailedError, LostError
from inventory.services.importing.reading import read_import
from inventory.services.importing.storing import store_items
from inventory.services.importing.undoing import take_back
from inventory.services.writing import among

logger = logging.getLogger(__name__)

Step = Import.Step
_STEPS = {Step.READING: read_import, Step.STORING: store_items, Step.UNDOING: take_back}
# Claims of all steps together, at each step: a file that takes down so many workers is at fault itself.
MOST_ATTEMPTS = {Step.READING: 6, Step.STORING: 9, Step.UNDOING: 15}
# What nobody agreed to within this time is dropped.
PREVIEW_KEPT = timedelta(days=30)
_CLEARED_AT_ONCE = 5_000


def run_import(pk: int, worker: str, clock: Clock) -> None:
    """Do the step that waits, unless another worker has it or it is done. Safe to call twice."""
    of = Import.objects.filter(pk=pk).first()
    if of is None or not of.is_open or not of.claim(worker, clock()):
        return
    try:
        _stop_a_killer(of)
        with Heart(of, clock):
            _STEPS[Step(of.step)](of, clock)
    except ImportFailedError as error:
        _fail(of, str(error), clock())
    except LostError:
        logger.info("import %s was taken over, or dropped", pk)


def _stop_a_killer(of: Import) -> None:
    # Each new choice of columns is one more reading that a person asked for.
    rounds = int(of.headings[0].get(ROUNDS, 0)) if of.headings else 0
    if of.attempts > MOST_ATTEMPTS[Step(of.step)] + rounds:
        raise ImportFailedError("Given up: each time, the worker that did this was ended. See its log for the reason.")


def _fail(of: Import, reason: str, now: datetime) -> None:
    with transaction.atomic():
        if not of.end(WorkStatus.FAILED, now, error=reason, upload=""):
            return
        audit(of.requested_by, "import.failed", of, {}, {"step": of.step, "reason": reason}, now=now)
    spool.remove(of.upload)
    logger.warning("import %s failed: %s", of.pk, reason)


def resume_imports(now: datetime) -> int:
    """Hand over again what nobody works on: its task was lost on the way, or its worker died. Safe to call twice."""
    return resume(Import.objects.stranded(now), RUN, now)


def tidy_imports(now: datetime) -> int:
    """Drop what nobody agreed to, and forget the bytes of what was dropped; return how many items were cleared."""
    waiting = Import.objects.filter(step__in=(Step.MAPPING, Step.PREVIEW), status=WorkStatus.DONE)
    with transaction.atomic():
        for of in waiting.filter(finished_at__lt=now - PREVIEW_KEPT).select_for_update():
            Import.objects.filter(pk=of.pk).update(step=Step.DROPPED, status=WorkStatus.CANCELLED, upload="")
            audit(None, "import.dropped", of, {}, {"sha256": of.sha256}, now=now)
    spool.remove_left()
    over = Q(of__step=Step.DROPPED) | Q(of__status=WorkStatus.FAILED)
    left = ImportItem.objects.filter(over).exclude(der=None).order_by().values_list("pk", flat=True)
    return ImportItem.objects.filter(among("pk", left[:_CLEARED_AT_ONCE])).update(der=None)
