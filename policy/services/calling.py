"""Making rows due."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from inventory.models import Certificate, Endpoint

# Values that one statement takes on every database.
MOST = 5_000


def call(model: type[Certificate] | type[Endpoint], which: Q, now: datetime, *, most: int | None = None) -> None:
    """Make rows due, all or so many. They are locked in the order of their keys, so that nobody waits in a circle."""
    found = model.objects.filter(which).order_by("pk").select_for_update(no_key=True)
    with transaction.atomic():
        pks = list(found.values_list("pk", flat=True)[:most])
        for start in range(0, len(pks), MOST):
            model.objects.filter(pk__in=pks[start : start + MOST]).update(judge_at=now)
