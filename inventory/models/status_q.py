"""The twin of ``inventory.status`` for querysets: each status as a condition that indexes can serve."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, CharField, Q, Value, When

from inventory.status import Status


def status_q(now: datetime) -> dict[Status, Q]:
    """Return one condition per status; for every row exactly one of them holds."""
    not_revoked = Q(revoked_at=None) | Q(revoked_at__gt=now)
    unread = Q(not_before=None) | Q(not_after=None)
    read = not_revoked & Q(not_before__isnull=False, not_after__isnull=False)
    begun = read & Q(not_after__gte=now, not_before__lte=now)
    calm = begun & Q(expiring_from__gt=now)
    away = Q(served_ever=True, nodes_serving=0)
    return {
        Status.REVOKED: Q(revoked_at__lte=now),
        Status.EXPIRED: read & Q(not_after__lt=now),
        Status.NOT_YET_VALID: read & Q(not_after__gte=now, not_before__gt=now),
        Status.EXPIRING: begun & Q(expiring_from__lte=now),
        Status.SUPERSEDED: calm & Q(superseded=True),
        Status.GONE: calm & Q(superseded=False) & away,
        Status.IN_DATE: calm & Q(superseded=False) & ~away,
        Status.UNKNOWN: not_revoked & (unread | begun & Q(expiring_from=None)),
    }


def status_case(now: datetime) -> Case:
    """The status word of each row, as the database computes it."""
    return Case(
        *(When(condition, then=Value(word.value)) for word, condition in status_q(now).items()),
        output_field=CharField(),
    )
