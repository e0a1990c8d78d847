"""Who owns what, and what was taken out of service: decisions of people, each with a reason and an audit event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.services import audit, require_change
from inventory.models import Certificate, Endpoint, Origin, ServedChain
from inventory.services.standing import restand
from inventory.services.totals import certificate_shares, endpoint_shares, kept

# More rows than this are one event with their count and digest, not a list.
LISTED_AT_MOST = 20


@transaction.atomic
def assign_owner(
    certificates: Iterable[int], team: Team | None, person: User | None, reason: str, *, actor: User, now: datetime
) -> int:
    """Give certificates (primary keys) to a team and a person, or to nobody; return how many changed.

    Raises PermissionDenied, and changes nothing, if the actor may not change one of them.
    """
    wanted = set(certificates)
    visible = Certificate.objects.visible_to(require_change(actor))
    rows = list(visible.filter(pk__in=wanted).order_by("pk").select_for_update(of=("self",)))
    if len(rows) != len(wanted):
        raise PermissionDenied(_("You may not change the owner of all of these certificates."))
    after = _owner(team, person)
    changed = [row for row in rows if _owner(row.owner_team, row.owner_person) != after]
    if not changed:
        return 0
    before = [_owner(row.owner_team, row.owner_person) for row in changed]
    with kept() as deltas:
        deltas.subtract(share for row in changed for share in certificate_shares(row))
        _write_owner(changed, team, person, reason, now)
        deltas.update(share for row in changed for share in certificate_shares(row))
    if len(changed) == 1:
        audit(actor, "certificate.owner_changed", changed[0], before[0], {**after, "reason": reason}, now=now)
    else:
        audit(actor, "certificates.owner_changed", *_in_bulk(changed, before, {**after, "reason": reason}), now=now)
    return len(changed)


def _owner(team: Team | None, person: User | None) -> dict[str, str]:
    return {"team": team.name if team else "", "person": person.email if person else ""}


def _write_owner(
    rows: Sequence[Certificate], team: Team | None, person: User | None, reason: str, now: datetime
) -> None:
    values: dict[str, Any] = {
        "owner_team": team,
        "owner_person": person,
        "owner_origin": Origin.MANUAL if team or person else "",
        "owner_reason": reason[:300],
        "judge_at": now,
    }
    Certificate.objects.filter(pk__in=[row.pk for row in rows]).update(**values)
    for row in rows:
        row.owner_team, row.owner_person = team, person


def _in_bulk(
    rows: Sequence[Certificate], before: Sequence[dict[str, str]], after: dict[str, str]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    digest = hashlib.sha256("\n".join(sorted(row.sha256 for row in rows)).encode()).hexdigest()
    listed = [{"sha256": row.sha256, **was} for row, was in zip(rows, before, strict=True)][:LISTED_AT_MOST]
    subject = f"{len(rows)} certificates"
    return subject, {"first": listed}, {**after, "count": len(rows), "digest": digest}


def retire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Take an endpoint out of every denominator, for a reason. False if it was retired already."""
    return _set_retired(endpoint, reason, now, actor=actor, now=now)


def unretire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Count a retired endpoint again. False if it was not retired."""
    return _set_retired(endpoint, reason, None, actor=actor, now=now)


@transaction.atomic
def _set_retired(endpoint: Endpoint, reason: str, retired_at: datetime | None, *, actor: User, now: datetime) -> bool:
    visible = Endpoint.objects.visible_to(require_change(actor))
    row = visible.select_for_update(of=("self",)).filter(pk=endpoint.pk).first()
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
