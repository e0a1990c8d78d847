"""What workers of the queue do for the inventory."""

from __future__ import annotations

import logging
import os

from django.utils import timezone

from accounts.services import is_my_turn, run_tick
from inventory import services
from inventory.services import bulk, importing

log = logging.getLogger(__name__)


def run_bulk_change(pk: int) -> None:
    """Do one change of many rows, or go on with it."""
    bulk.run_change(pk, f"worker {os.getpid()}", timezone.now)


def run_import(pk: int) -> None:
    """Do the step of an import that waits, or go on with it."""
    importing.run_import(pk, f"worker {os.getpid()}", timezone.now)


def tick() -> None:
    """Go on with work whose worker died, and drop what nobody waits for."""
    with run_tick("inventory", "default", timezone.now()):
        bulk.resume_changes(timezone.now())
        importing.resume_imports(timezone.now())
        importing.tidy_imports(timezone.now())


def recount() -> None:
    """Count all kept totals anew. A drift is put right, and is an error of this tick, so that somebody is told."""
    with run_tick("recount", "default", timezone.now()):
        drifts = services.recount()
        services.refresh_statistics()
        for drift in drifts:
            log.error("kept total was wrong: %s", drift)
        if drifts:
            raise DriftError(f"{len(drifts)} kept totals were wrong and are right now. First: {drifts[0]}")


def sort_into_domains() -> None:
    """Go on with sorting what an earlier version stored; one worker at a time is enough."""
    now = timezone.now()
    if is_my_turn("domains", "default", now):
        with run_tick("domains", "default", now):
            services.sort_into_domains(timezone.now)


class DriftError(Exception):
    """Kept totals differed from the rows."""
