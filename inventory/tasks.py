"""What workers of the queue do for the inventory."""

from __future__ import annotations

import logging

from django.utils import timezone

from accounts.services import run_tick
from inventory import services

log = logging.getLogger(__name__)


def recount() -> None:
    """Count all kept totals anew. A drift is put right, and is an error of this tick, so that somebody is told."""
    with run_tick("recount", "default", timezone.now()):
        drifts = services.recount()
        services.refresh_statistics()
        for drift in drifts:
            log.error("kept total was wrong: %s", drift)
        if drifts:
            raise DriftError(f"{len(drifts)} kept totals were wrong and are right now. First: {drifts[0]}")


class DriftError(Exception):
    """Kept totals differed from the rows."""
