"""What reports do in workers."""

from __future__ import annotations

import os

from django.utils import timezone

from accounts.services import run_tick
from reports.services import make_due, make_report, remove_left, resume_reports


def make(pk: int) -> None:
    """Make one report."""
    make_report(pk, f"worker {os.getpid()}", timezone.now)


def tick() -> None:
    """Ask for the reports that are due, go on with those whose worker died, and remove what it left."""
    with run_tick("reports", "default", timezone.now()):
        make_due(timezone.now())
        remove_left()
        resume_reports(timezone.now())
