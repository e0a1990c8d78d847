"""What a change of many would do, before it is done: those rows that differ from what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Length, StrIndex
from django.db.models.lookups import Exact, LessThanOrEqual

from inventory.filters.business import HasField, HasItem
from inventory.models import BulkChange, Certificate, Origin
from inventory.services.bulk_kinds import MOST_NOTES
from inventory.services.rules import standing


def would_change(rows: QuerySet[Any], kind: str, change: Mapping[str, Any], reason: str) -> QuerySet[Any]:
    """Those of these certificates or endpoints that would not stay as they are."""
    if kind == BulkChange.Kind.OWNER:
        same = {"owner_team": change["team"], "owner_person": change["person"], "owner_rule": None}
        stays = rows.model.objects.filter(**same, owner_origin=Origin.MANUAL, owner_reason=reason)
        return rows.exclude(pk__in=stays.values("pk"))
    if kind == BulkChange.Kind.DETAILS:
        return rows.filter(_says_otherwise(change))
    if kind == BulkChange.Kind.TAGS:
        return rows.filter(_is_tagged_otherwise(rows.model, change))
    # What is served is not retired.
    unused = Q(nodes_serving=0) if rows.model is Certificate and kind == BulkChange.Kind.RETIRE else Q()
    return rows.filter(unused, retired_at__isnull=kind == BulkChange.Kind.RETIRE)


def _says_otherwise(change: Mapping[str, Any]) -> Q:
    differs = Q(pk__in=[])
    for name, value in change["set"].items():
        differs |= ~Q(**{name: value}) | (_says_a_rule(name, value) if name in standing.COLUMNS else Q())
    for name, text in change["fields"].items():
        has = HasField(F("custom_fields"), (name, None if text is None else [text]))
        differs |= Q(has) if text is None else ~Q(has)
    for word in change["under"]:
        differs |= ~Q(HasItem(F("regulations"), word))
    for word in change["not_under"]:
        differs |= Q(HasItem(F("regulations"), word))
    return differs | _has_room_for(change["note"]) if change["note"] else differs


def _says_a_rule(name: str, value: Any) -> Q:
    """As ``people_say`` decides: who confirms what a rule said, or empties what is empty, says so from now on."""
    if value:
        return Q(ruled__has_key=name)
    return ~Q(**{"ruled__has_key": name, f"ruled__{name}": standing.NOTHING_ON_PURPOSE})


def _has_room_for(note: str) -> Q:
    """As ``with_note`` decides: it is not in the notes yet, and there is room, with a line break after other notes."""
    is_new = Q(Exact(StrIndex("notes", Value(note)), 0))
    return is_new & (Q(notes="") | Q(LessThanOrEqual(Length("notes"), MOST_NOTES - 1 - len(note))))


def _is_tagged_otherwise(model: Any, change: Mapping[str, Any]) -> Q:
    tagged = model.tags.through.objects.filter(**{model._meta.model_name: OuterRef("pk")})
    differs = Q(pk__in=[])
    for name in change["add"]:
        differs |= ~Q(Exists(tagged.filter(tag__name=name)))
    return differs | Q(Exists(tagged.filter(tag__name__in=change["remove"]))) if change["remove"] else differs
