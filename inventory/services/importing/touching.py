"""Writing what rows of a table changed, with the kept totals and the traces that taking back needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import AuditEvent, Team, User
from inventory.models import Certificate, Endpoint, Import, ImportItem, ImportTouch, OwnershipRule, Tag
from inventory.services.importing.changes import COLUMNS, OWNER, TAGS, Change, take_back
from inventory.services.importing.places import Thing
from inventory.services.owned import call_for_key_sharers, owner_values, put_owner
from inventory.services.races import hold
from inventory.services.totals import Share, certificate_shares, endpoint_shares
from inventory.services.writing import among, write

UNDO_ASKED = "import.undo_asked"
_BOTH: tuple[tuple[type[Endpoint] | type[Certificate], Callable[[Any], list[Share]]], ...] = (
    (Endpoint, endpoint_shares),
    (Certificate, certificate_shares),
)


def write_changes(changes: Sequence[tuple[ImportItem, Change]], now: datetime, deltas: Counter[Share]) -> None:
    """Keep what was changed in memory, and one touch for each change."""
    owners: dict[Thing, list[Any]] = {}
    for _item, change in changes:
        owners.setdefault(change.thing, change.before.get(OWNER, owner_values(change.thing)))
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
        moved = [row for row in rows if owner_values(row) != owners[row]]
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
    now = owner_values(row)
    put_owner(row, owner)
    before = shares(row)
    put_owner(row, now)
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
    """Undo what one import changed, the last first; return how many keep what somebody changed since.

    What the person who takes it back may not see by now stays as it is, with its touches and a reason at its row.
    """
    found = list(touches.select_related("item__of__requested_by").order_by("-pk"))
    if not found:
        return 0
    of, who = found[0].item.of, _who_takes_back(found[0].item.of)
    endpoints = _locked(Endpoint, {touch.endpoint_id for touch in found if touch.endpoint_id}, who)
    certificates = _locked(Certificate, {touch.certificate_id for touch in found if touch.certificate_id}, who)
    changed = _changed_by_people((*endpoints.values(), *certificates.values()), of)
    things: list[Thing] = [*endpoints.values(), *certificates.values()]
    owners = {thing: owner_values(thing) for thing in things}
    stayed, off, others = 0, list[tuple[Thing, str]](), list[ImportTouch]()
    for touch in found:
        thing = endpoints.get(touch.endpoint_id or 0) or certificates.get(touch.certificate_id or 0)
        if thing is None:
            others.append(touch)
            continue
        kept = bool(take_back(thing, touch.before, touch.after))
        stayed += kept
        # Who else put a tag on it is kept nowhere, so what somebody changed since keeps its tags.
        off += [(thing, name) for name in touch.after.get(TAGS, ()) if not kept and thing not in changed]
    _let_go_of_what_is_gone(things)
    _write_things(owners, now, deltas)
    _take_tags_off(off)
    _keep_of_others(others)
    touches.exclude(among("pk", [touch.pk for touch in others])).delete()
    return stayed + len(others)


def _who_takes_back(of: Import) -> User | None:
    """The last who asked for it; on the pages that may be another than who imported."""
    asked = AuditEvent.objects.filter(subject_type=of._meta.label_lower, subject_id=str(of.pk), verb=UNDO_ASKED)
    event = asked.select_related("actor").order_by("-number").first()
    return event.actor if event else of.requested_by


def _locked(model: type[Any], pks: Collection[int], who: User | None) -> dict[int, Any]:
    hold(model.objects.filter(among("pk", pks)))
    seen = model.objects.visible_to(who or AnonymousUser())
    return {row.pk: row for row in seen.filter(among("pk", pks)).order_by("pk")}


def _changed_by_people(things: Iterable[Thing], of: Import) -> set[Thing]:
    """Of these, what the audit says that somebody changed after the import was stored."""
    found = set[Thing]()
    for model, _shares in _BOTH:
        rows = {str(thing.pk): thing for thing in things if isinstance(thing, model)}
        events = AuditEvent.objects.filter(
            among("subject_id", rows), subject_type=model._meta.label_lower, at__gt=of.stored_at or of.created_at
        ).exclude(actor=None)
        found |= {rows[pk] for pk in events.values_list("subject_id", flat=True)}
    return found


def _keep_of_others(touches: Sequence[ImportTouch]) -> None:
    said = _("Not taken back: what it changed belongs to others by now.")
    ImportItem.objects.filter(among("pk", {touch.item_id for touch in touches})).update(reason=said)


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
