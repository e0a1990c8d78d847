"""What a row of a table changes on an endpoint or a certificate; what people said stays, unless told otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Team, User
from inventory.models import Origin
from inventory.services.importing.places import Thing
from inventory.services.owned import OWNER_COLUMNS, owner_values, put_owner

OWNER = "owner"
TAGS = "tags"
CUSTOM = "custom_fields"
DETAILS = ("application", "environment", "criticality", "notes")
COLUMNS = (*OWNER_COLUMNS, *DETAILS, CUSTOM, "ruled")
FIELDS_AT_MOST = 30


@dataclass(frozen=True, slots=True)
class Meant:
    """What one row says of each thing that it is about. ``overwrite``: also over what people said."""

    team: Team | None
    person: User | None
    teams_of_person: tuple[int, ...]
    reason: str
    details: Mapping[str, str]
    custom: Mapping[str, str]
    tags: tuple[str, ...]
    overwrite: bool


@dataclass(slots=True)
class Change:
    """``before`` and ``after`` hold what differs; ``kept`` what people had said otherwise, and which stays.

    ``is_without_team``: the row names a person of no team or of several, and nothing says which one owns it.
    """

    thing: Thing
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    is_without_team: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """How much some rows changed."""

    rows: int
    things: int


def apply(thing: Thing, meant: Meant, *, by_way: bool) -> Change:
    """Change the row in memory. ``by_way``: only what nobody said yet, because others may serve it, too."""
    change = Change(thing)
    _apply_owner(change, meant, by_way=by_way)
    for name, value in meant.details.items():
        _apply_detail(change, name, value, overwrite=meant.overwrite and not by_way)
    custom = {"Owner": meant.person.email, **meant.custom} if change.is_without_team and meant.person else meant.custom
    write_fields(change, custom, custom if meant.overwrite and not by_way else ())
    _apply_tags(change, meant.tags)
    if by_way:
        change.kept.clear()
    return change


def _apply_owner(change: Change, meant: Meant, *, by_way: bool) -> None:
    thing = change.thing
    if not (meant.team or meant.person):
        return
    team, person = _team(thing, meant), meant.person.pk if meant.person else None
    said = thing.owner_origin == Origin.MANUAL
    if said and [thing.owner_team_id, thing.owner_person_id] == [team, person or thing.owner_person_id]:
        return
    if (said and not (meant.overwrite and not by_way)) or (by_way and thing.owner_origin == Origin.RULE):
        change.kept[OWNER] = [thing.owner_team_id, thing.owner_person_id]
        return
    if team is None:
        # Whoever looks for what nobody owns would not see it: a person owns as one of a team.
        change.is_without_team = True
        return
    change.before[OWNER] = owner_values(thing)
    put_owner(thing, [team, person, Origin.MANUAL.value, meant.reason[:300], None])
    change.after[OWNER] = owner_values(thing)


def _team(thing: Thing, meant: Meant) -> int | None:
    """The team that is named; else the one that has it, if the person is in it; else the only one of the person."""
    if meant.team:
        return meant.team.pk
    if thing.owner_team_id in meant.teams_of_person or len(meant.teams_of_person) != 1:
        return thing.owner_team_id
    return meant.teams_of_person[0]


def _apply_detail(change: Change, name: str, value: str, *, overwrite: bool) -> None:
    thing = change.thing
    old = getattr(thing, name)
    if old == value and name not in thing.ruled:
        return
    # What a person emptied is their word, too; it is written down as no rule.
    is_word = thing.ruled[name] == 0 if name in thing.ruled else bool(old)
    if is_word and not overwrite:
        change.kept[name] = old
        return
    change.before[name], change.after[name] = old, value
    if name in thing.ruled:
        change.before.setdefault("ruled", {})[name] = thing.ruled[name]
        thing.ruled = {key: rule for key, rule in thing.ruled.items() if key != name}
    setattr(thing, name, value)


def write_fields(change: Change, wanted: Mapping[str, str | None], over: Collection[str]) -> None:
    """Write fields of one's own, None takes one away; where a word stands it stays, unless its key is in ``over``."""
    fields = dict(change.thing.custom_fields)
    before, after = dict[str, str | None](), dict[str, str | None]()
    for key, value in wanted.items():
        old = fields.get(key)
        if old == value:
            continue
        if (old and key not in over) or (old is None and len(fields) >= FIELDS_AT_MOST):
            change.kept[f"{CUSTOM}.{key}"] = old or ""
            continue
        before[key], after[key] = old, value
        fields = {name: text for name, text in {**fields, key: value}.items() if text is not None}
    if after:
        change.thing.custom_fields = dict(sorted(fields.items()))
        change.before[CUSTOM], change.after[CUSTOM] = before, after


def _apply_tags(change: Change, tags: tuple[str, ...]) -> None:
    new = sorted(set(tags) - {tag.name for tag in change.thing.tags.all()})
    if new:
        change.after[TAGS] = new


def take_back(thing: Thing, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Undo in memory what a row changed, but its tags. What somebody changed since stays, and is returned."""
    stayed = []
    if OWNER in after and not _restore_owner(thing, before[OWNER], after[OWNER]):
        stayed.append(OWNER)
    for name in DETAILS:
        if name in after and getattr(thing, name) == after[name]:
            setattr(thing, name, before[name])
            thing.ruled = {**thing.ruled, **{key: rule for key, rule in before.get("ruled", {}).items() if key == name}}
        elif name in after:
            stayed.append(name)
    if CUSTOM in after:
        fields = dict(thing.custom_fields)
        same = {key for key, value in after[CUSTOM].items() if fields.get(key) == value}
        stayed += sorted(f"{CUSTOM}.{key}" for key in after[CUSTOM].keys() - same)
        restored = {**fields, **{key: before[CUSTOM][key] for key in same}}
        thing.custom_fields = {key: value for key, value in sorted(restored.items()) if value is not None}
    return stayed


def _restore_owner(thing: Thing, before: list[Any], after: list[Any]) -> bool:
    if owner_values(thing) != after:
        return False
    put_owner(thing, before)
    return True
