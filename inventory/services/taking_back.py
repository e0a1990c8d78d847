"""Taking a change of many back: how each row stood is kept with the change, and restored where nobody changed it since.

Kept for changes of owners and for rules. Rows say few different things, so each answer is stored once (``Stood``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Team, User
from accounts.services import require_administrator, require_change
from certdash.lib.work import OPEN, WorkStatus
from inventory.models import BulkChange, Certificate, ChangedRow, Endpoint, OwnershipRule, Stood
from inventory.services.owned import CERTIFICATES, ENDPOINTS, lock
from inventory.services.rules import Change, Stand, put_changes
from inventory.services.totals import kept
from inventory.services.writing import among, insert

Model = type[Certificate] | type[Endpoint]


def remember(work: BulkChange, changes: Collection[Change]) -> None:
    """Keep with the work how these rows stood and stand; in the transaction that changes them, a batch at a time."""
    stood = _stored([stand for change in changes for stand in (change.before, change.after)])
    rows = [(work.pk, c.row.pk, stood[_digest(c.before)], stood[_digest(c.after)]) for c in changes]
    insert(ChangedRow, ("work_id", "row", "before_id", "after_id"), rows, or_ignore=True)


def _stored(stands: Iterable[Stand]) -> dict[str, int]:
    """Digest → primary key of what is stored of it."""
    said = {_digest(stand): asdict(stand) for stand in stands}
    insert(Stood, ("digest", "said"), sorted(said.items()), or_ignore=True)
    return dict(Stood.objects.filter(among("digest", said)).values_list("digest", "pk"))


def _digest(stand: Stand) -> str:
    return hashlib.sha256(json.dumps(asdict(stand), sort_keys=True).encode()).hexdigest()


def stands_of(model: Model, pks: Collection[int]) -> list[Change]:
    """How these rows stand, locked, for ``changed_since``."""
    lock(CERTIFICATES if model is Certificate else ENDPOINTS, _rows(model, pks))
    return [Change(row, stand, stand) for row in _rows(model, pks) for stand in [Stand.of(row)]]


def changed_since(model: Model, before: Sequence[Change]) -> list[Change]:
    """Those of them that stand otherwise by now."""
    now = {row.pk: Stand.of(row) for row in _rows(model, [change.row.pk for change in before])}
    pairs = [Change(change.row, change.before, now[change.row.pk]) for change in before]
    return [pair for pair in pairs if pair.before != pair.after]


def _rows(model: Model, pks: Collection[int]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.objects.filter(among("pk", pks)).order_by("pk")
    return rows


def can_be_taken_back(work: BulkChange, user: User) -> bool:
    """Whether there is something to restore, this person may do it, and nobody does it, or has done it to all."""
    if work.is_open or not work.changed or not _may(work, user):
        return False
    again = Q(status__in=OPEN) | Q(status=WorkStatus.DONE, skipped=0)
    return not BulkChange.objects.filter(again, undoes=work).exists() and ChangedRow.objects.filter(work=work).exists()


def _may(work: BulkChange, user: User) -> bool:
    """Rules are applied, and taken back, by administrators; changes by who made them, and by administrators."""
    if work.kind == BulkChange.Kind.RULES:
        return user.is_administrator
    return user.may_change and (user.is_administrator or work.requested_by_id == user.pk)


def require_taking_back(work: BulkChange, actor: User) -> None:
    """Raise PermissionDenied unless the actor may take this change back."""
    if not _may(work, require_change(actor)):
        require_administrator(actor)


def changed_rows(work: BulkChange) -> QuerySet[ChangedRow]:
    """What the change that this one takes back had changed."""
    return ChangedRow.objects.filter(work_id=work.undoes_id or 0)


def restore_batch(work: BulkChange, model: Model, pks: Collection[int], now: datetime) -> list[str]:
    """Put back how these rows stood, where they stand as the change left them; return the names of what was restored.

    What belonged to a team or a person that is gone stays as it is.
    """
    owned = CERTIFICATES if model is Certificate else ENDPOINTS
    lock(owned, _rows(model, pks))
    there = {change.row: change for change in changed_rows(work).filter(row__in=pks).select_related("before", "after")}
    wanted = [
        Change(row, stand, Stand(**there[row.pk].before.said))
        for row in _rows(model, pks)
        for stand in [Stand.of(row)]
        if row.pk in there and _digest(stand) == there[row.pk].after.digest
    ]
    changes = _possible(wanted)
    with kept() as deltas:
        put_changes(owned, changes, now, deltas)
    return [owned.name(change.row) for change in changes]


def _possible(changes: Sequence[Change]) -> list[Change]:
    """Without those whose owners are gone; a rule that is gone is no longer named."""
    teams, people, rules = (
        set(model._default_manager.filter(pk__in=filter(None, wanted)).values_list("pk", flat=True))
        for model, wanted in (
            (Team, {change.after.team for change in changes}),
            (User, {change.after.person for change in changes}),
            (OwnershipRule, {change.after.rule for change in changes}),
        )
    )
    return [
        Change(change.row, change.before, _without_rule(change.after, rules))
        for change in changes
        if change.after.team in {None, *teams} and change.after.person in {None, *people}
    ]


def _without_rule(stand: Stand, rules: Collection[int]) -> Stand:
    return stand if stand.rule is None or stand.rule in rules else Stand(**{**asdict(stand), "rule": None})
