"""What can be done to many at once: each kind changes one batch in the caller's transaction, and names what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team, User
from inventory.models import BulkChange, Certificate, Endpoint, Tag
from inventory.services.ownership import assign_batch
from inventory.services.races import hold
from inventory.services.retirement import put_certificates, put_endpoints
from inventory.services.rules import apply_batch, people_say
from inventory.services.standing import tell_returned
from inventory.services.taking_back import changed_since, remember, require_taking_back, restore_batch, stands_of
from inventory.services.writing import among, write

# Details that can be said of many at once, beside single fields of one's own.
DETAILS = ("environment", "criticality", "application", "purpose", "exposure", "data_lifetime_years")
MOST_NOTES = 5000  # characters, as in the form of one


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows (primary keys, in their order) that the actor sees now, and what is to become of them."""

    work: BulkChange
    model: type[Certificate] | type[Endpoint]
    pks: list[int]
    actor: User
    now: datetime

    @property
    def change(self) -> Mapping[str, Any]:
        change: Mapping[str, Any] = self.work.change
        return change

    def rows(self, **only: Any) -> list[Any]:
        """Locked, and read after that."""
        rows: QuerySet[Any] = self.model.objects.filter(among("pk", self.pks))
        hold(rows)
        return list(rows.filter(**only).order_by("pk"))


Runner: TypeAlias = Callable[[Batch], list[str]]


def name_of(row: Certificate | Endpoint) -> str:
    """What the digest of a change is over; an endpoint is all of these together."""
    if isinstance(row, Certificate):
        return row.sha256
    return f"{row.zone} {row.place} {row.server_name} {row.protocol}"


def change_owner(batch: Batch) -> list[str]:
    """``team`` and ``person`` are primary keys, or None for nobody."""
    team = _still_there(Team.objects.filter(pk=batch.change["team"]).first(), batch.change["team"])
    people = User.objects.filter(pk=batch.change["person"], is_active=True)
    person = _still_there(people.first(), batch.change["person"])
    before = stands_of(batch.model, batch.pks)
    names = assign_batch(batch.model, batch.pks, team, person, batch.work.reason, actor=batch.actor, now=batch.now)
    remember(batch.work, changed_since(batch.model, before))
    return names


def _still_there(found: Any, wanted: int | None) -> Any:
    if wanted is not None and found is None:
        raise PermissionDenied(_("The team or the person that was chosen is no longer here."))
    return found


def change_details(batch: Batch) -> list[str]:
    """``set``: column → value, also an empty one; ``fields``: fields of one's own → text, None takes one away.

    ``under`` and ``not_under``: regulations to add and to remove; ``note``: what is added to the notes.
    """
    said = [(row, _said(row, batch.change)) for row in batch.rows()]
    changed = [row for row, columns in said if _describe(row, columns)]
    for row in changed:
        row.judge_at = batch.now
    write(changed, (*said[0][1], "judge_at") if said else ())
    return [name_of(row) for row in changed]


def _said(row: Any, change: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of this row as the change wants them."""
    own = {**row.custom_fields, **change.get("fields", {})}
    gone = change.get("not_under", ())
    under = [word for word in dict.fromkeys([*row.regulations, *change.get("under", ())]) if word not in gone]
    wanted = {name: value for name, value in change.get("set", {}).items() if name in DETAILS}
    return {
        **wanted,
        "custom_fields": {key: text for key, text in sorted(own.items()) if text is not None},
        "regulations": under,
        "notes": with_note(row.notes, change.get("note", "")),
        # What a person says is no rule's word any more, also where it is the same word.
        "ruled": people_say(row.ruled, wanted),
    }


def with_note(notes: str, note: str) -> str:
    """Not twice, and not where there is no room for it: what people wrote is never cut."""
    longer = f"{notes}\n{note}" if notes else note
    return notes if note in notes or len(longer) > MOST_NOTES else longer


def _describe(row: Any, columns: Mapping[str, Any]) -> bool:
    """Whether it differs."""
    before = {name: getattr(row, name) for name in columns}
    for name, value in columns.items():
        setattr(row, name, value)
    return before != columns


def change_tags(batch: Batch) -> list[str]:
    """``add`` and ``remove`` are names of tags."""
    add = [Tag.objects.get_or_create(name=name)[0].pk for name in batch.change.get("add", ())]
    remove = list(Tag.objects.filter(name__in=batch.change.get("remove", ())).values_list("pk", flat=True))
    column = f"{batch.model._meta.model_name}_id"
    through: Any = batch.model.tags.through
    tagged = through.objects.filter(among(column, batch.pks))
    has = set(tagged.filter(tag__in=[*add, *remove]).values_list(column, "tag_id"))
    missing = [(pk, tag) for pk in batch.pks for tag in add if (pk, tag) not in has]
    gone = {pk for pk, tag in has if tag in remove}
    through.objects.bulk_create((through(**{column: pk, "tag_id": tag}) for pk, tag in missing), ignore_conflicts=True)
    tagged.filter(tag__in=remove).delete()
    return _touched(batch, gone.union(pk for pk, _tag in missing))


def _touched(batch: Batch, pks: Iterable[int]) -> list[str]:
    """Have these judged again: rules may depend on what people say of a thing."""
    changed = batch.model.objects.filter(among("pk", pks))
    changed.update(judge_at=batch.now)
    return [name_of(row) for row in changed.order_by("pk")]


def retire(batch: Batch) -> list[str]:
    """Certificates that something serves are left as they are."""
    if batch.model is Endpoint:
        return _retire_endpoints(batch, batch.rows(retired_at=None), batch.now)
    return _retire_certificates(batch, batch.rows(retired_at=None, nodes_serving=0), batch.now)


def unretire(batch: Batch) -> list[str]:
    rows = batch.rows(retired_at__isnull=False)
    return (_retire_endpoints if batch.model is Endpoint else _retire_certificates)(batch, rows, None)


def _retire_certificates(batch: Batch, rows: list[Any], retired_at: datetime | None) -> list[str]:
    put_certificates(rows, retired_at, batch.work.reason, batch.now)
    return [name_of(row) for row in rows]


def _retire_endpoints(batch: Batch, rows: list[Any], retired_at: datetime | None) -> list[str]:
    restood = put_endpoints(rows, retired_at, batch.work.reason, batch.now)
    tell_returned(restood.returned, batch.now)
    return [name_of(row) for row in rows]


def apply_rules(batch: Batch) -> list[str]:
    """The rules as they are when the batch is done; what people chose stays."""
    changes = apply_batch(batch.model, batch.pks, batch.now)
    remember(batch.work, changes)
    return [name_of(change.row) for change in changes]


def take_back(batch: Batch) -> list[str]:
    """What stands as the change left it becomes what it was; who may do that is asked for each batch."""
    work = batch.work
    if work.undoes is None:
        return []
    require_taking_back(work.undoes, batch.actor)
    return restore_batch(work, batch.model, batch.pks, batch.now)


# One row for each kind of ``BulkChange``.
KINDS: dict[str, Runner] = {
    BulkChange.Kind.OWNER: change_owner,
    BulkChange.Kind.DETAILS: change_details,
    BulkChange.Kind.TAGS: change_tags,
    BulkChange.Kind.RETIRE: retire,
    BulkChange.Kind.UNRETIRE: unretire,
    BulkChange.Kind.RULES: apply_rules,
    BulkChange.Kind.UNDO: take_back,
}
