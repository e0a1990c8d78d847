"""What was taken out of service: a decision of people, with a reason and an audit event."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.standing import restand, tell_returned
from inventory.services.totals import certificate_shares, endpoint_shares, kept


class ServedError(Exception):
    """A certificate that nodes serve, as far as we know, is not out of use, so it is not retired."""

    def __init__(self, nodes: int) -> None:
        super().__init__(_("It is served. Retire the endpoints that serve it, or wait until they serve another one."))
        self.nodes = nodes


def retire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Take an endpoint out of every denominator, for a reason. False if it was retired already."""
    return _set_endpoint(endpoint, reason, now, actor=actor, now=now)


def unretire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Count a retired endpoint again. False if it was not retired."""
    return _set_endpoint(endpoint, reason, None, actor=actor, now=now)


def retire_certificate(certificate: Certificate, reason: str, *, actor: User, now: datetime) -> bool:
    """Take a certificate that nothing serves out of lists and totals, for a reason. False if it was retired already.

    Raises ServedError, and changes nothing, if a node serves it. Once a node does, it counts again by itself.
    """
    return _set_certificate(certificate, reason, now, actor=actor, now=now)


def unretire_certificate(certificate: Certificate, reason: str, *, actor: User, now: datetime) -> bool:
    """Count a retired certificate again. False if it was not retired."""
    return _set_certificate(certificate, reason, None, actor=actor, now=now)


@transaction.atomic
def _set_endpoint(endpoint: Endpoint, reason: str, retired_at: datetime | None, *, actor: User, now: datetime) -> bool:
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
        restood = restand(set(served), {row.service}, now, deltas)
    verb = "endpoint.retired" if retired_at else "endpoint.unretired"
    audit(actor, verb, row, after={"reason": reason, "service": row.service}, now=now)
    tell_returned(restood.returned, now, service=row.service)
    return True


@transaction.atomic
def _set_certificate(
    certificate: Certificate, reason: str, retired_at: datetime | None, *, actor: User, now: datetime
) -> bool:
    visible = Certificate.objects.visible_to(require_change(actor))
    row = visible.select_for_update(of=("self",), no_key=True).filter(pk=certificate.pk).first()
    if row is None:
        raise PermissionDenied(_("You may not change this certificate."))
    if (row.retired_at is None) == (retired_at is None):
        return False
    if retired_at is not None and row.nodes_serving:
        raise ServedError(row.nodes_serving)
    before = {"reason": row.retired_reason} if row.retired_at else {}
    with kept() as deltas:
        deltas.subtract(certificate_shares(row))
        row.retired_at, row.judge_at = retired_at, now
        row.retired_reason = reason[:300] if retired_at else ""
        row.save(update_fields=["retired_at", "retired_reason", "judge_at"])
        deltas.update(certificate_shares(row))
    verb = "certificate.retired" if retired_at else "certificate.unretired"
    audit(actor, verb, row, before, {"reason": reason, "sha256": row.sha256}, now=now)
    return True
