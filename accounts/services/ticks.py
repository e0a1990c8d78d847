"""The record of what runs by the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from accounts.models import SetupToken, TickRun
from accounts.services.people import end_closed_sessions

ERROR_LENGTH = 2000
# Less than the minute after which the clock calls again.
TURN = timedelta(seconds=45)
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


def is_my_turn(name: str, zone: str, now: datetime) -> bool:
    """Claim one run of a tick of which one at a time is enough; ``run_tick`` ends it.

    It spares workers, and guards nothing: who died, failed or takes longer than ``TURN`` gives way to the next.
    """
    run, is_first = TickRun.objects.get_or_create(name=name, zone=zone, defaults={"started_at": now})
    is_free = Q(finished_at__gte=F("started_at")) | Q(started_at__lte=now - TURN) | Q(started_at__gt=now)
    return is_first or TickRun.objects.filter(is_free, pk=run.pk).update(started_at=now) == 1


@transaction.atomic
def tidy(now: datetime) -> None:
    """End the sessions of accounts that ended, and forget old links."""
    end_closed_sessions(now)
    SetupToken.objects.filter(expires_at__lt=now - TOKENS_KEPT).delete()
