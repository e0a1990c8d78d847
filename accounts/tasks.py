"""What the worker does for this app by the clock."""

from __future__ import annotations

import logging

from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.services import check_chain, run_tick, tidy

logger = logging.getLogger(__name__)


def beat() -> None:
    """Show that a worker lives, and end what has ended."""
    now = timezone.now()
    with run_tick("heartbeat", "default", now):
        tidy(now)
        Session.objects.filter(expire_date__lt=now).delete()


def verify_chain() -> None:
    """Check the whole audit chain against the copy of its end outside the database."""
    now = timezone.now()
    with run_tick("audit", "default", now):
        for fault in check_chain(now).faults:
            logger.critical("Audit: %s", fault)
