"""Many findings given to one person, or acknowledged, at once: each is asked for again, and one event tells of all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from inventory.services.bulk_kinds import name_of
from inventory.services.owned import LISTED_AT_MOST
from inventory.services.writing import among
from policy.models import Finding
from policy.services.assigning import NOTE_LENGTH, people_known

AT_ONCE = 500
ASSIGN, ACKNOWLEDGE = "assign", "acknowledge"


class OtherFindingsError(Exception):
    """Not what the person was shown would change, or it is other people's by now. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to become of findings; ``person`` and ``note`` say to whom they are given."""

    kind: str
    person: User | None = None
    note: str = ""

    def is_so(self, row: Finding) -> bool:
        """Whether there is nothing to do."""
        if self.kind == ACKNOWLEDGE:
            return row.acknowledged_at is not None
        note = self.note if self.person else ""
        return (row.assigned_to_id, row.assignment_note) == (self.person.pk if self.person else None, note)


@dataclass(frozen=True, slots=True)
class Sorted:
    """``unseen``: how many are left out, because who is to have them does not see what they are about."""

    changing: Sequence[Finding]
    same: int
    unseen: int

    @property
    def taken(self) -> int:
        """How many of those that change are somebody's now."""
        return sum(row.assigned_to_id is not None for row in self.changing)

    @property
    def version(self) -> str:
        """What would change and whose it is now, as a digest: whoever goes on has seen that."""
        return _digest(f"{row.pk} {row.assigned_to_id}" for row in self.changing)


def sort_findings(pks: Collection[int], wanted: Wanted, user: User) -> Sorted:
    """What would become of the open ones among these (primary keys) that the user sees."""
    rows = Finding.objects.visible_to(user).open().filter(among("pk", pks))
    return _sorted(list(rows.with_subject().order_by("-severity", "pk")), wanted)


def _sorted(rows: Sequence[Finding], wanted: Wanted) -> Sorted:
    seen = {row.pk for row in rows}
    if wanted.person is not None:
        theirs = Finding.objects.visible_to(wanted.person).filter(among("pk", seen))
        seen = set(theirs.values_list("pk", flat=True))
    there = [row for row in rows if row.pk in seen]
    changing = [row for row in there if not wanted.is_so(row)]
    return Sorted(changing, same=len(there) - len(changing), unseen=len(rows) - len(there))


@transaction.atomic
def change_findings(pks: Collection[int], wanted: Wanted, *, actor: User, now: datetime, version: str) -> Sorted:
    """Do it to those that the actor sees, as far as the person sees them, too; return what changed.

    ``version`` is that of what the actor was shown; raises OtherFindingsError if it would be something else by now,
    and PermissionDenied if the actor may not name this person.
    """
    require_change(actor)
    person = wanted.person
    if person is not None and not people_known(actor, now).filter(pk=person.pk).exists():
        raise PermissionDenied(_("You may not name this person."))
    found = Finding.objects.visible_to(actor).open().filter(among("pk", pks)).with_subject()
    # In the order of their keys, so that nobody waits in a circle.
    locked = list(found.order_by("pk").select_for_update(of=("self",), no_key=True))
    done = _sorted(sorted(locked, key=lambda row: (-row.severity, row.pk)), wanted)
    if done.version != version:
        raise OtherFindingsError
    if done.changing:
        before = [_was(row, wanted) for row in done.changing[:LISTED_AT_MOST]]
        _write(done.changing, wanted, actor, now)
        _tell(done, before, wanted, actor, now)
    return done


def _write(rows: Sequence[Finding], wanted: Wanted, actor: User, now: datetime) -> None:
    person, note = wanted.person, wanted.note[:NOTE_LENGTH] if wanted.person else ""
    values = {"assigned_to": person, "assigned_at": now if person else None, "assignment_note": note}
    if wanted.kind == ACKNOWLEDGE:
        values = {"acknowledged_at": now, "acknowledged_by": actor}
    Finding.objects.filter(among("pk", [row.pk for row in rows])).update(**values)


def _tell(done: Sorted, before: Sequence[dict[str, str]], wanted: Wanted, actor: User, now: datetime) -> None:
    after = {"count": len(done.changing), "digest": _digest(sorted(map(_name, done.changing)))}
    if wanted.kind == ASSIGN:
        after |= {"person": wanted.person.email if wanted.person else "", "note": wanted.note, "left_out": done.unseen}
    verb = "findings.assigned" if wanted.kind == ASSIGN else "findings.acknowledged"
    audit(actor, verb, f"{len(done.changing)} findings", {"first": before}, after, now=now)


def _was(row: Finding, wanted: Wanted) -> dict[str, str]:
    if wanted.kind == ACKNOWLEDGE:
        return {"finding": _name(row)}
    return {
        "finding": _name(row),
        "person": row.assigned_to.email if row.assigned_to else "",
        "note": row.assignment_note,
    }


def _name(row: Finding) -> str:
    """What the digest in the audit log is over: the rule, and what the finding is about."""
    about = row.certificate or row.endpoint
    return f"{row.rule} {name_of(about)}" if about else row.rule


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
