"""What rows would change, in words for the preview: each field with what stands there and what would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Team, User
from certdash.lib.inert import shorten, visible
from inventory.models import Endpoint, ImportItem
from inventory.services.importing.changes import CUSTOM, DETAILS, OWNER, TAGS, Change
from inventory.services.writing import among

# Of what would change, a preview shows the first places.
SHOWN = 5
_LONGEST_VALUE = 120


@dataclass(frozen=True, slots=True)
class _Owners:
    teams: Mapping[int, str]
    people: Mapping[int, str]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> _Owners:
        sides = [side[OWNER] for change in changes for side in (change.before, change.after) if OWNER in side]
        teams = Team.objects.filter(among("pk", {side[0] for side in sides if side[0]}))
        people = User.objects.filter(among("pk", {side[1] for side in sides if side[1]}))
        return cls(dict(teams.values_list("pk", "name")), dict(people.values_list("pk", "email")))

    def words(self, owner: Sequence[Any]) -> str:
        names = [self.teams.get(owner[0] or 0, ""), self.people.get(owner[1] or 0, "")]
        return ", ".join(filter(None, names))


def show_changes(planned: Sequence[tuple[ImportItem, Sequence[Change]]]) -> None:
    """Note on each row what it would change. Two queries, however many rows."""
    owners = _Owners.of(change for _item, changes in planned for change in changes[:SHOWN])
    for item, changes in planned:
        shown = [_shown(change, owners) for change in changes[:SHOWN] if change.after or change.kept]
        item.data["changes"] = shown or ([] if changes else show_said(item))
        item.data["places"] = len(changes)


def show_said(item: ImportItem) -> list[dict[str, Any]]:
    """What a row says of something that is not here yet: nothing stands there."""
    said = item.data
    values = [_value(name, "", str(said[name])) for name in (OWNER, "team") if said.get(name)]
    values += [_value(name, "", text) for name, text in said.get("details", {}).items()]
    values += [_value(name, "", text) for name, text in said.get("custom", {}).items()]
    values += [_value(TAGS, "", ", ".join(said["tags"]))] if said.get("tags") else []
    return [{"label": "", "set": [], "kept": [], "values": values}] if values else []


def _shown(change: Change, owners: _Owners) -> dict[str, Any]:
    thing = change.thing
    return {
        "kind": "endpoint" if isinstance(thing, Endpoint) else "certificate",
        "pk": thing.pk,
        "label": str(thing),
        "set": sorted(change.after),
        "kept": sorted(change.kept),
        "values": _values(change, owners),
    }


def _values(change: Change, owners: _Owners) -> list[dict[str, str]]:
    before, after = change.before, change.after
    values = [_value(OWNER, owners.words(before[OWNER]), owners.words(after[OWNER]))] if OWNER in after else []
    values += [_value(name, before[name], after[name]) for name in DETAILS if name in after]
    values += [_value(key, before[CUSTOM].get(key), text) for key, text in after.get(CUSTOM, {}).items()]
    if TAGS in after:
        # Tags are added to those that are there.
        values.append(_value(TAGS, "", _("%(tags)s, added") % {"tags": ", ".join(after[TAGS])}))
    return values


def _value(name: str, old: str | None, new: str) -> dict[str, str]:
    return {"field": name, "old": _short(old or ""), "new": _short(new)}


def _short(text: str) -> str:
    return shorten(visible(" ".join(text.split())), _LONGEST_VALUE)
