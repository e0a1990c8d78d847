"""Writing what rows of a table changed, with the kept totals and the traces that taking back needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Team, User
from inventory.models import Certificate, Endpoint, ImportItem, ImportTouch, OwnershipRule, Tag
from inventory.services.importing.changes import COLUMNS, OWNER, TAGS, Change, owner_of, set_owner, take_back
from inventory.services.importing.places import Thing
from inventory.services.owned import call_for_key_sharers
from inventory.services.races import hold
from inventory.services.totals import Share, certificate_shares, endpoint_shares
from inventory.services.writing import among, write

_BOTH: tuple[tuple[type[Endpoint] | type[Certificate], Callable[[Any], list[Share]]], ...] = (
    (Endpoint, endpoint_shares),
    (Certificate, certificate_shares),
)


def write_changes(changes: Sequence[tuple[ImportItem, Change]], now: datetime, deltas: Counter[Share]) -> None:
    """Keep what was changed in memory, and one touch for each change."""
    owners: dict[Thing, list[Any]] = {}
    for _item, change in changes:
        owners.setdefault(change.thing, change.before.get(OWNER, owner_of(change.thing)))
    _write_things(owners, now, deltas)
    _add_tags([(change.thing, name) for _item, change in changes for name in change.after.get(TAGS, ())])
    ImportTouch.objects.bulk_create(_touch(item, change) for item, change in changes)


def _touch(item: ImportItem, change: Change) -> ImportTouch:
    thing = change.thing
    of = {"endpoint": thing} if isinstance(thing, Endpoint) else {"certificate": thing}
    return ImportTouch(item=item, before=change.before, after=change.after, **of)


def _write_things(owners: Mapping[Thing, list[Any]], now: datetime, deltas: Counter[Share]) -> None:
    """``owners``: whose each of them was before."""
    for model, shares in _BOTH:
        rows: list[Any] = [thing for thing in owners if isinstance(thing, model)]
        moved = [row for row in rows if owner_of(row) != owners[row]]
        for row in moved:
            deltas.update(shares(row))
            deltas.subtract(_shares_before(row, shares, owners[row]))
        for row in rows:
            # Rules may depend on what people say of a thing, so it is judged again.
            row.judge_at = now
        write(rows, (*COLUMNS, "judge_at"))
        if model is Certificate and moved:
            call_for_key_sharers(moved, now)


def _shares_before(row: Any, shares: Callable[[Any], list[Share]], owner: list[Any]) -> list[Share]:
    """What it was counted by while it was another's: having none is counted, too."""
    now = owner_of(row)
    set_owner(row, owner)
    before = shares(row)
    set_owner(row, now)
    return before


def _add_tags(wanted: Sequence[tuple[Thing, str]]) -> None:
    names = {name for _thing, name in wanted}
    Tag.objects.bulk_create([Tag(name=name) for name in sorted(names)], ignore_conflicts=True)
    tags = dict(Tag.objects.filter(among("name", names)).values_list("name", "pk"))
    for model, _shares in _BOTH:
        through: Any = model.tags.through
        column = f"{model._meta.model_name}_id"
        pairs = {(thing.pk, tags[name]) for thing, name in wanted if isinstance(thing, model)}
        through.objects.bulk_create(
            (through(**{column: pk, "tag_id": tag}) for pk, tag in sorted(pairs)), ignore_conflicts=True
        )


def take_touches_back(touches: QuerySet[ImportTouch], now: datetime, deltas: Counter[Share]) -> int:
    """Undo, the last first; return how many keep what somebody changed since."""
    found = list(touches.order_by("-pk"))
    endpoints = _locked(Endpoint, {touch.endpoint_id for touch in found if touch.endpoint_id})
    certificates = _locked(Certificate, {touch.certificate_id for touch in found if touch.certificate_id})
    things: list[Thing] = [*endpoints.values(), *certificates.values()]
    owners = {thing: owner_of(thing) for thing in things}
    stayed, off = 0, list[tuple[Thing, str]]()
    for touch in found:
        thing = endpoints.get(touch.endpoint_id or 0) or certificates.get(touch.certificate_id or 0)
        if thing is not None:
            stayed += bool(take_back(thing, touch.before, touch.after))
            off += [(thing, name) for name in touch.after.get(TAGS, ())]
    _let_go_of_what_is_gone(things)
    _write_things(owners, now, deltas)
    _take_tags_off(off)
    touches.delete()
    return stayed


def _locked(model: type[Any], pks: Collection[int]) -> dict[int, Any]:
    rows = model.objects.filter(among("pk", pks))
    hold(rows)
    return {row.pk: row for row in rows.order_by("pk")}


def _let_go_of_what_is_gone(things: Iterable[Thing]) -> None:
    """A team, a person or a rule that was there before the import may have been removed since."""
    kinds: tuple[tuple[str, type[Any]], ...] = (
        ("owner_team_id", Team), ("owner_person_id", User), ("owner_rule_id", OwnershipRule),
    )  # fmt: skip
    rows = list(things)
    for column, model in kinds:
        wanted = {getattr(row, column) for row in rows if getattr(row, column)}
        there = set(model.objects.filter(among("pk", wanted)).values_list("pk", flat=True))
        for row in rows:
            if getattr(row, column) not in there:
                setattr(row, column, None)


def _take_tags_off(wanted: Sequence[tuple[Thing, str]]) -> None:
    for model, _shares in _BOTH:
        column = f"{model._meta.model_name}_id"
        pks = {thing.pk for thing, _name in wanted if isinstance(thing, model)}
        names = {(thing.pk, name) for thing, name in wanted if isinstance(thing, model)}
        through: Any = model.tags.through
        rows = through.objects.filter(among(column, pks)).values_list("pk", column, "tag__name")
        gone = [pk for pk, thing, name in rows if (thing, name) in names]
        through.objects.filter(among("pk", gone)).delete()
