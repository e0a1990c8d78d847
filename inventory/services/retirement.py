"""What was taken out of service: a decision of people, with a reason and an audit event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.standing import Restood, restand, tell_returned
from inventory.services.totals import certificate_shares, endpoint_shares, kept
from inventory.services.writing import among, write


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
    restood = put_endpoints([row], retired_at, reason, now)
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
    put_certificates([row], retired_at, reason, now)
    verb = "certificate.retired" if retired_at else "certificate.unretired"
    audit(actor, verb, row, before, {"reason": reason, "sha256": row.sha256}, now=now)
    return True


def put_endpoints(rows: Sequence[Endpoint], retired_at: datetime | None, reason: str, now: datetime) -> Restood:
    """Retire locked rows, or count them again (None), in the caller's transaction, who tells what returned."""
    with kept() as deltas:
        deltas.subtract(share for row in rows for share in endpoint_shares(row))
        _write(rows, retired_at, reason, now)
        deltas.update(share for row in rows for share in endpoint_shares(row))
        served = ServedChain.objects.filter(among("endpoint_id", [row.pk for row in rows]))
        certificates = set(served.values_list("certificate_id", flat=True))
        return restand(certificates, {row.service for row in rows}, now, deltas)


def put_certificates(rows: Sequence[Certificate], retired_at: datetime | None, reason: str, now: datetime) -> None:
    """Retire locked rows, or count them again (None), in the caller's transaction."""
    with kept() as deltas:
        deltas.subtract(share for row in rows for share in certificate_shares(row))
        _write(rows, retired_at, reason, now)
        deltas.update(share for row in rows for share in certificate_shares(row))


def _write(rows: Sequence[Any], retired_at: datetime | None, reason: str, now: datetime) -> None:
    for row in rows:
        row.retired_at, row.judge_at = retired_at, now
        row.retired_reason = reason[:300] if retired_at else ""
    write(rows, ("retired_at", "retired_reason", "judge_at"))
