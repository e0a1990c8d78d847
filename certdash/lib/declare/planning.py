"""What a file asks for, compared with what is there: sections, their items, and the changes between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from certdash.lib.declare.fields import Field, flag, meant, of_fields, origin_of
from certdash.lib.declare.reading import DeclareError, Listing, Node, Problem, Scalar, Table

Key: TypeAlias = tuple[str, ...]
Values: TypeAlias = dict[str, Any]
# The only item of a section that has one.
ALONE: Key = ("",)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. ``before`` and ``after`` name what differs; ``values`` are all that the item shall have."""

    section: str
    key: Key
    kind: Literal["created", "changed", "removed", "ordered"]
    line: int = 0
    before: Values = field(default_factory=dict)
    after: Values = field(default_factory=dict)
    values: Values = field(default_factory=dict)
    # Of fields that the file gives by reference: where it leads. What was read there is not shown.
    origins: Mapping[str, str] = field(default_factory=dict)
    # The fields of the key.
    names: Key = ()

    @property
    def item(self) -> str:
        names = self.names or self.key
        return " · ".join(
            filter(None, (self.origins.get(name, part) for name, part in zip(names, self.key, strict=False)))
        )

    @property
    def shown(self) -> tuple[Values, Values]:
        """``before`` and ``after`` as they may be told."""
        before = {name: "(not shown)" if name in self.origins else value for name, value in self.before.items()}
        return before, {name: self.origins.get(name, value) for name, value in self.after.items()}

    def hides(self, sentence: str) -> str:
        """The sentence without what was read by reference."""
        for name, origin in self.origins.items():
            value = self.values.get(name)
            for part in value if isinstance(value, tuple) else (value,):
                sentence = sentence.replace(str(part), origin) if part else sentence
        return sentence


@dataclass(slots=True)
class By:
    """When changes are made, where they come from, and what is to be said afterwards."""

    now: datetime
    origin: str
    # E-mail address → link of people who were invited.
    invited: dict[str, str] = field(default_factory=dict)


class Section(ABC):
    """One key of the file. Its apps' services make each change, so that audit and validation are those of the pages.

    ``present`` tells every item with all its fields, in the order of the file where that matters. ``write`` and
    ``remove`` raise ValueError, or Django's ValidationError, with what a person can do about it.
    """

    name: ClassVar[str]
    words: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    # The fields that say which item it is. Without any there is one item.
    key: ClassVar[tuple[str, ...]] = ()
    is_ordered: ClassVar[bool] = False
    # Sections that a page's own checks look at: once one of their items was refused, such a check says nothing true.
    leans_on: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def present(self) -> dict[Key, Values]: ...

    @abstractmethod
    def write(self, change: Change, by: By) -> None: ...

    def remove(self, _change: Change, _by: By) -> None:
        raise ValueError("It cannot be removed.")

    def arrange(self, _keys: Sequence[Key], _by: By) -> None:
        raise NotImplementedError

    def settle(self, values: Values) -> Values:
        """One spelling for what means the same; may raise ValueError."""
        return values

    def key_of(self, values: Mapping[str, Any]) -> Key:
        defaults = {field.name: field.default for field in self.fields}
        return tuple(str(values.get(name, defaults[name])) for name in self.key) or ALONE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file says of one section."""

    section: Section
    items: dict[Key, tuple[int, Values]]
    prune: bool = False
    # Of each item, the fields that are given by reference, and where it leads.
    origins: dict[Key, dict[str, str]] = field(default_factory=dict)


def wanted(tree: Table, sections: Sequence[Section], folder: Path) -> list[Wanted]:
    """Read all sections of a file, in the order in which they depend on each other. Raises with all that is wrong."""
    known = {section.name: section for section in sections}
    problems = [
        Problem(key.line, key.column, f"There is no section “{name}”{meant(name, known)}")
        for name, (key, _node) in tree.items.items()
        if name not in known
    ]
    found = []
    for name, section in known.items():
        if name in tree.items:
            try:
                found.append(_section(section, tree.items[name][1], folder))
            except DeclareError as error:
                problems += error.problems
    if problems:
        raise DeclareError(*sorted(problems))
    return found


def _section(section: Section, node: Node, folder: Path) -> Wanted:
    if not section.key:
        values = _item(section, node, section.name, folder)
        return Wanted(section, {ALONE: (node.line, values)}, origins={ALONE: _origins(node)})
    listing, prune = _listing(section, node)
    items: dict[Key, tuple[int, Values]] = {}
    origins: dict[Key, dict[str, str]] = {}
    problems: list[Problem] = []
    for at, item in enumerate(listing.items):
        try:
            values = _item(section, item, f"{section.name}[{at}]", folder)
        except DeclareError as error:
            problems += error.problems
            continue
        key = section.key_of(values)
        if key in items:
            twice = Change(section.name, key, "created", origins=_origins(item), names=section.key)
            said = f"{section.name}[{at}] is the same as the one in line {items[key][0]}: {twice.item}."
            problems.append(Problem(item.line, item.column, said))
        items[key] = (item.line, values)
        origins[key] = _origins(item)
    if problems:
        raise DeclareError(*problems)
    return Wanted(section, items, prune, origins)


def _origins(node: Node) -> dict[str, str]:
    given = node.items if isinstance(node, Table) else {}
    found = {name: origin_of(value) for name, (_key, value) in given.items()}
    return {name: origin for name, origin in found.items() if origin}


def _item(section: Section, node: Node, where: str, folder: Path) -> Values:
    values = of_fields(node, section.fields, where, folder)
    try:
        return section.settle(values)
    except ValueError as error:
        raise DeclareError(Problem(node.line, node.column, f"{where}: {error}")) from error


def _listing(section: Section, node: Node) -> tuple[Listing, bool]:
    """A list of items, or a table of ``items`` and ``prune``."""
    if isinstance(node, Listing):
        return node, False
    if isinstance(node, Scalar) and node.is_nothing:
        return Listing(node.line, node.column), False
    if not isinstance(node, Table) or not node.items.keys() <= {"items", "prune"} or "items" not in node.items:
        sentence = f"{section.name} is a list, or a table of “prune: true” and “items”."
        raise DeclareError(Problem(node.line, node.column, sentence))
    listing, _prune = _listing(section, node.items["items"][1])
    return listing, "prune" in node.items and flag(node.items["prune"][1], Path())


def plan(wishes: Sequence[Wanted]) -> list[Change]:
    """What must happen so that everything is as the file says."""
    return [change for wish in wishes for change in _changes(wish, wish.section.present())]


def _changes(wish: Wanted, present: Mapping[Key, Values]) -> Iterator[Change]:
    section = wish.section
    for key, (line, given) in wish.items.items():
        stood = present.get(key)
        before = stood if stood is not None else {field.name: field.default for field in section.fields}
        after = {name: value for name, value in given.items() if stood is None or before.get(name) != value}
        if stood is None or after:
            kind: Literal["created", "changed"] = "created" if stood is None else "changed"
            told = {} if stood is None else {name: before.get(name) for name in after}
            origins = wish.origins.get(key, {})
            yield Change(section.name, key, kind, line, told, after, {**before, **given}, origins, section.key)
    gone = [key for key in present if key not in wish.items] if wish.prune else []
    for key in gone:
        yield Change(section.name, key, "removed", 0, dict(present[key]))
    if section.is_ordered:
        yield from _order(wish, [key for key in present if key not in gone])


def _order(wish: Wanted, there: Sequence[Key]) -> Iterator[Change]:
    """Those of the file come first, in its order; the others follow in theirs."""
    order = [*wish.items, *(key for key in there if key not in wish.items)]
    now = [*there, *(key for key in wish.items if key not in there)]
    if order != now:
        yield Change(wish.section.name, (), "ordered", 0, _called(wish, now), _called(wish, order), {"keys": order})


def _called(wish: Wanted, keys: Sequence[Key]) -> Values:
    name = wish.section.key[0]
    return {"order": tuple(wish.origins.get(key, {}).get(name, key[0]) for key in keys)}
