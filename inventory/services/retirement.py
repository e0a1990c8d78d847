"""What was taken out of service: a decision of people, with a reason and an audit event."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from inventory.models import Endpoint, ServedChain
from inventory.services.standing import restand
from inventory.services.totals import endpoint_shares, kept


def retire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Take an endpoint out of every denominator, for a reason. False if it was retired already."""
    return _set_retired(endpoint, reason, now, actor=actor, now=now)


def unretire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Count a retired endpoint again. False if it was not retired."""
    return _set_retired(endpoint, reason, None, actor=actor, now=now)


@transaction.atomic
def _set_retired(endpoint: Endpoint, reason: str, retired_at: datetime | None, *, actor: User, now: datetime) -> bool:
    visible = Endpoint.objects.visible_to(require_change(actor))
    row = visible.select_for_update(of=("self",), no_key=True).filter(pk=endpoint.pk).first()
    if row is None:
        raise PermissionDenied(_("You may not change this endpoint."))
    if (row.retired_at is None) == (retired_at is None):
        return False
    with kept() as deltas:
        deltas.subtract(endpoint_shares(row))
        row.retired_at, row.judge_at = retired_at, now
        row.retired_reason = reason[:300] if retired_at else ""
        row.save(update_fields=["retired_at", "retired_reason", "judge_at"])
        deltas.update(endpoint_shares(row))
        served = ServedChain.objects.filter(endpoint=row).values_list("certificate_id", flat=True)
        restand(set(served), {row.service}, now, deltas)
    verb = "endpoint.retired" if retired_at else "endpoint.unretired"
    audit(actor, verb, row, after={"reason": reason, "service": row.service}, now=now)
    return True
