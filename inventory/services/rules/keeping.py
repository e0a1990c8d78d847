"""Keeping the rules: what administrators write, in the order that they give it, each change with its audit event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import AuditEvent, Role, User
from accounts.services import audit, require_role
from inventory.models import BulkChange, OwnershipRule
from inventory.services.details import ChangedMeanwhileError, version_of
from inventory.services.owned import CERTIFICATES, ENDPOINTS
from inventory.services.rules.candidates import given_by
from inventory.services.rules.reading import CONDITIONS
from inventory.services.rules.standing import COLUMNS as DETAILS

_DELETED = "ownershiprule.deleted"
REMOVED_SHOWN = 5
_COLUMNS = ("name", "enabled", *CONDITIONS, "environment", "criticality", "application")


def rule_words(row: OwnershipRule) -> dict[str, Any]:
    """What a rule says, without its place among the others. ``version_of`` makes of it what says that it was seen."""
    return {name: getattr(row, name) for name in _COLUMNS} | {"team": row.team.name if row.team else ""}


@transaction.atomic
def save_rule(rule: OwnershipRule, *, actor: User | None, now: datetime, version: str = "") -> bool:
    """Add a rule behind all others, or change one. It is applied to what is known only when somebody asks for it.

    Returns False if it says the same as before. ``version`` is what the actor saw; if it says something else by now, or
    is gone, nothing is written and ChangedMeanwhileError tells what it says. ``actor`` None is the command line.
    """
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    stands = _locked(rule.pk)
    before = rule_words(stands) if stands else {}
    if rule.pk and (stands is None or (version and version != version_of(before))):
        raise ChangedMeanwhileError(before)
    after = rule_words(rule)
    if before == after:
        return False
    rule.position = stands.position if stands else next_position()
    rule.applied_at = None
    rule.save()
    audit(actor, f"ownershiprule.{'changed' if stands else 'created'}", rule, before, after, now=now)
    return True


@transaction.atomic
def move_rule(rule: OwnershipRule, *, up: bool, actor: User, now: datetime) -> bool:
    """Let a rule speak before the one above it, or after the one below. False at the end of the list."""
    require_role(actor, Role.ADMINISTRATOR)
    rows = list(OwnershipRule.objects.select_for_update().order_by("position", "pk"))
    at = next((at for at, row in enumerate(rows) if row.pk == rule.pk), None)
    other = None if at is None else at + (-1 if up else 1)
    if at is None or other is None or not 0 <= other < len(rows):
        return False
    rows[at], rows[other] = rows[other], rows[at]
    for position, row in enumerate(rows, 1):
        row.position = position
    rows[at].applied_at = rows[other].applied_at = None
    OwnershipRule.objects.bulk_update(rows, ["position", "applied_at"])
    before, after = {"position": at + 1}, {"position": other + 1, "beside": rows[at].name}
    audit(actor, "ownershiprule.moved", rows[other], before, after, now=now)
    return True


@transaction.atomic
def order_rules(names: Sequence[str], *, actor: User | None, now: datetime) -> bool:
    """Let these speak first, in this order, and all others after them. False if they do already."""
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    stood = list(OwnershipRule.objects.select_for_update().order_by("position", "pk"))
    place = {name: at for at, name in enumerate(names)}
    rows = sorted(stood, key=lambda row: place.get(row.name, len(place)))
    if rows == stood:
        return False
    for position, row in enumerate(rows, 1):
        row.position = position
    OwnershipRule.objects.bulk_update(rows, ["position"])
    OwnershipRule.objects.update(applied_at=None)
    before, after = ({"order": [row.name for row in order]} for order in (stood, rows))
    audit(actor, "ownershiprules.ordered", str(OwnershipRule._meta.verbose_name_plural), before, after, now=now)
    return True


@transaction.atomic
def delete_rule(rule: OwnershipRule, *, actor: User | None, now: datetime) -> None:
    """Ask it no more. What it gave stays until the rules are applied again, with the reason that was true then.

    The event says how many owners that are, for ``left_by_removed``.
    """
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    before, pk, gave = rule_words(rule) | {"position": rule.position}, rule.pk, owners_given(rule)
    let_wait_from(rule.position)
    rule.delete()
    rule.pk = pk
    audit(actor, _DELETED, rule, before, {"gave": gave}, now=now)


def owners_given(rule: OwnershipRule) -> dict[str, int]:
    """How many certificates and endpoints have their owner from it, up to 10,001."""
    return {
        "certificates": len(given_by(CERTIFICATES, rule.pk)),
        "endpoints": len(given_by(ENDPOINTS, rule.pk)),
    }


@dataclass(frozen=True, slots=True)
class Removed:
    """A rule that is gone, and how much had its owner from it when it went.

    ``also``: it set details, too; of those nobody counts how many.
    """

    name: str
    at: datetime
    certificates: int
    endpoints: int
    also: bool


def left_by_removed() -> list[Removed]:
    """Rules that were removed since all of them were last applied, the latest first: what they set still stands."""
    last = BulkChange.objects.filter(kind=BulkChange.Kind.RULES).order_by("-created_at").first()
    events = AuditEvent.objects.filter(verb=_DELETED, **({"at__gt": last.created_at} if last else {}))
    gone = [_removed(event) for event in events.order_by("-number")[:REMOVED_SHOWN]]
    return [one for one in gone if one.certificates or one.endpoints or one.also]


def _removed(event: AuditEvent) -> Removed:
    gave = event.after.get("gave", {})
    also = any(event.before.get(name) for name in DETAILS)
    return Removed(event.subject, event.at, gave.get("certificates", 0), gave.get("endpoints", 0), also)


def let_wait_from(position: int) -> None:
    """What stood below a rule that is gone may speak now where it did not: it waits until the rules are applied."""
    OwnershipRule.objects.filter(position__gte=position).update(applied_at=None)


def note_applied(now: datetime) -> None:
    """All rules, as they are, are on their way to everything that is known."""
    OwnershipRule.objects.update(applied_at=now)


def _locked(pk: int | None) -> OwnershipRule | None:
    if pk is None:
        return None
    return OwnershipRule.objects.select_for_update(of=("self",)).select_related("team").filter(pk=pk).first()


def next_position() -> int:
    """Behind all others."""
    return (OwnershipRule.objects.aggregate(last=Max("position"))["last"] or 0) + 1
