"""Who owns what: decisions of people, each with a reason and an audit event, and what is inferred until they decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.services import audit, require_change
from inventory.models import Certificate, Endpoint, Origin
from inventory.services.details import ChangedMeanwhileError, version_of
from inventory.services.owned import CERTIFICATES, ENDPOINTS, Owned, call_for_key_sharers, in_bulk, lock
from inventory.services.totals import kept
from inventory.services.writing import among


def owner_of(row: Certificate | Endpoint) -> dict[str, Any]:
    """Whose it is and why. ``version_of`` makes of it what says that somebody saw it."""
    return {
        "team": row.owner_team,
        "person": row.owner_person,
        "origin": row.owner_origin,
        "reason": row.owner_reason,
    }


def assign_owner(
    certificates: Iterable[int],
    team: Team | None,
    person: User | None,
    reason: str,
    *,
    actor: User,
    now: datetime,
    version: str = "",
) -> int:
    """Give certificates (primary keys) to a team and a person, or to nobody; return how many changed.

    Raises PermissionDenied, and changes nothing, if the actor may not change one of them. ``version`` is what the actor
    saw: if it is another's by now, nothing is written and ChangedMeanwhileError tells whose. Without, the last word
    counts.
    """
    owner = _Owner.chosen(team, person, reason)
    return _assign(CERTIFICATES, certificates, owner, actor=actor, now=now, version=version)


def assign_endpoint_owner(
    endpoints: Iterable[int],
    team: Team | None,
    person: User | None,
    reason: str,
    *,
    actor: User,
    now: datetime,
    version: str = "",
) -> int:
    """As ``assign_owner``, for endpoints."""
    owner = _Owner.chosen(team, person, reason)
    return _assign(ENDPOINTS, endpoints, owner, actor=actor, now=now, version=version)


def restore_owner(
    item: Certificate | Endpoint, before: Sequence[Any], *, actor: User, now: datetime, version: str
) -> bool:
    """Undo an assignment: whose it was before (``owner_values``), if it is still as it was made (``version``).

    Nobody chose what was restored: rules and sources may decide it again.
    """
    team, person, origin, reason, rule = before
    owner = _Owner(
        Team.objects.filter(pk=team).first(), User.objects.filter(pk=person).first(), origin, reason[:300], rule
    )
    owned = CERTIFICATES if isinstance(item, Certificate) else ENDPOINTS
    return bool(_assign(owned, [item.pk], owner, actor=actor, now=now, version=version))


def assign_answered(
    certificate: Certificate, team: Team, reason: str, *, asker: User, now: datetime, version: str
) -> bool:
    """Give a certificate to the team that answered a question of ``asker``, within what the asker may still do.

    False, and nothing is changed, if the asker may not any more, or if it is another's by now.
    """
    try:
        owner = _Owner.chosen(team, None, reason)
        with transaction.atomic():
            changed, before = _give(CERTIFICATES, {certificate.pk}, owner, actor=asker, now=now, version=version)
            for row, was in zip(changed, before, strict=True):
                audit(None, "certificate.owner_changed", row, was, {**owner.words, "asked_by": asker.email}, now=now)
    except (PermissionDenied, ChangedMeanwhileError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Owner:
    team: Team | None
    person: User | None
    reason: str
    origin: str
    rule: int | None = None

    @classmethod
    def chosen(cls, team: Team | None, person: User | None, reason: str) -> _Owner:
        """Also nobody is a choice: nothing is inferred any more."""
        return cls(team, person, reason[:300], Origin.MANUAL)

    @classmethod
    def of(cls, row: Certificate | Endpoint) -> _Owner:
        return cls(row.owner_team, row.owner_person, row.owner_reason, row.owner_origin, row.owner_rule_id)

    @property
    def words(self) -> dict[str, str]:
        return {
            "team": self.team.name if self.team else "",
            "person": self.person.email if self.person else "",
            "origin": self.origin,
            "reason": self.reason,
        }


@transaction.atomic
def _assign(owned: Owned, pks: Iterable[int], owner: _Owner, *, actor: User, now: datetime, version: str = "") -> int:
    changed, before = _give(owned, set(pks), owner, actor=actor, now=now, version=version)
    after = owner.words
    if len(changed) == 1:
        audit(actor, f"{owned.noun}.owner_changed", changed[0], before[0], after, now=now)
    elif changed:
        audit(actor, f"{owned.noun}s.owner_changed", *in_bulk(owned, changed, before, after), now=now)
    return len(changed)


def assign_batch(
    model: type[Certificate] | type[Endpoint],
    pks: Iterable[int],
    team: Team | None,
    person: User | None,
    reason: str,
    *,
    actor: User,
    now: datetime,
) -> list[str]:
    """As ``assign_owner``, a part of a change that tells of all its parts itself: the names of what changed.

    What the actor may not change is left as it is.
    """
    owned = CERTIFICATES if model is Certificate else ENDPOINTS
    with transaction.atomic():
        owner = _Owner.chosen(team, person, reason)
        changed, _before = _give(owned, set(pks), owner, actor=actor, now=now, partly=True)
    return [owned.name(row) for row in changed]


def _give(
    owned: Owned,
    wanted: set[int],
    owner: _Owner,
    *,
    actor: User,
    now: datetime,
    version: str = "",
    partly: bool = False,
) -> tuple[list[Any], list[dict[str, str]]]:
    """Write the owner where it is another one; return what changed, and whose it was."""
    visible: Any = owned.model.objects.visible_to(require_change(actor))
    locked = lock(owned, visible.filter(among("pk", wanted)))
    rows = list(visible.filter(among("pk", locked)).order_by("pk").select_related("owner_team", "owner_person"))
    if len(rows) != len(wanted) and not partly:
        raise PermissionDenied(_("You may not change the owner of all of these."))
    # Who confirms what was only inferred changes it, too: a person says so now.
    # So does who gives another reason, also for leaving it to nobody.
    changed = [row for row in rows if _Owner.of(row) != owner]
    _require_seen(changed, version)
    before = [_Owner.of(row).words for row in changed]
    if changed:
        with kept() as deltas:
            deltas.subtract(share for row in changed for share in owned.shares(row))
            _write_owner(owned, changed, owner, now)
            deltas.update(share for row in changed for share in owned.shares(row))
    return changed, before


def _require_seen(rows: Iterable[Certificate | Endpoint], version: str) -> None:
    for row in rows:
        if version and version != version_of(owner_of(row)):
            raise ChangedMeanwhileError(owner_of(row))


def _write_owner(owned: Owned, rows: Sequence[Any], owner: _Owner, now: datetime) -> None:
    values: dict[str, Any] = {
        "owner_team": owner.team,
        "owner_person": owner.person,
        "owner_origin": owner.origin,
        "owner_reason": owner.reason[:300],
        "owner_rule": owner.rule,
        "judge_at": now,
    }
    owned.model.objects.filter(among("pk", [row.pk for row in rows])).update(**values)
    if owned.model is Certificate:
        call_for_key_sharers(rows, now)
    for row in rows:
        row.owner_team, row.owner_person = owner.team, owner.person
        row.owner_origin, row.owner_reason = owner.origin, owner.reason
