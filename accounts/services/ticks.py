"""The record of what runs by the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import SetupToken, TickRun
from accounts.services.people import end_closed_sessions

ERROR_LENGTH = 2000
TOKENS_KEPT = timedelta(days=30)


@contextmanager
def run_tick(name: str, zone: str, now: datetime) -> Iterator[None]:
    """Record start, end and error of one run of the tick ``name`` in ``zone``. An error passes on.

    ``finished_at`` stays that of the last run that came to its end, so its age says for how long nothing worked.
    """
    began = time.monotonic()
    TickRun.objects.update_or_create(name=name, zone=zone, defaults={"started_at": now})
    row = TickRun.objects.filter(name=name, zone=zone)
    try:
        yield
    except Exception as error:
        row.update(error=f"{type(error).__name__}: {error}".replace("\x00", "")[:ERROR_LENGTH])
        raise
    row.update(finished_at=now + timedelta(seconds=time.monotonic() - began), error="")


@transaction.atomic
def tidy(now: datetime) -> None:
    """End the sessions of accounts that ended, and forget old links."""
    end_closed_sessions(now)
    SetupToken.objects.filter(expires_at__lt=now - TOKENS_KEPT).delete()
