"""YAML as a tree that knows the line of every key and value, within limits.

What a value means is decided by the field that it is for, never by how it is spelled: ``no`` is a name where a name is
asked for, ``22:30`` a time. So no value is constructed here, and no tag means anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

MOST_BYTES = 1_000_000
MOST_DEPTH = 12
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong, and in which line; 0 where it is about the file as a whole."""

    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.sentence}" if self.line else self.sentence


class MissingError(ValueError):
    """An item names one that is not there. Told only if that one was not refused itself, further up in the file."""

    def __init__(self, section: str, item: str, sentence: str) -> None:
        super().__init__(sentence)
        self.names = (section, item)


class DeclareError(Exception):
    """Something in the file cannot be taken."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    line: int
    column: int
    is_plain: bool = True

    @property
    def is_nothing(self) -> bool:
        return self.is_plain and self.text in _NOTHING


@dataclass(frozen=True, slots=True)
class Listing:
    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    line: int
    column: int
    # Each key with its own place.
    items: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)


Node: TypeAlias = Scalar | Listing | Table


def read(text: str) -> Table:
    """Return the whole file as a table. Raises DeclareError with everything that is wrong in its form."""
    if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        raise DeclareError(Problem(0, 0, f"The file has more than {MOST_BYTES:,} bytes."))
    builder = _Builder()
    try:
        tree = builder.build(yaml.parse(text, Loader=yaml.SafeLoader))
    except (ValueError, OverflowError) as error:
        # Numbers of versions and of characters that are longer than any that there are.
        raise DeclareError(Problem(builder.line, 0, "This is no YAML: a number here is too large.")) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, [error.context, error.problem]))
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise DeclareError(Problem(*place, f"This is no YAML: {what}.")) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DeclareError(
            Problem(line, 0, f"There is a character that YAML does not take: {error.reason}.")
        ) from error
    if isinstance(tree, Scalar) and tree.is_nothing:
        return Table(1, 1)
    if not isinstance(tree, Table):
        raise DeclareError(Problem(tree.line, tree.column, "Write sections here, such as “teams:”."))
    return tree


class _Builder:
    """Builds the tree from events, without recursion, and keeps all that is wrong on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.open: list[Listing | Table] = []
        self.keys: list[Scalar | None] = []
        self.root: Node = Scalar("", 1, 1)
        # Where the last thing that could be read ends.
        self.line = 1

    def build(self, events: Iterable[yaml.Event]) -> Node:
        documents = 0
        for event in events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise DeclareError(_problem(event, "One file holds one document."))
            self._take(event)
            self.line = event.end_mark.line + 1 if event.end_mark else self.line
        if self.problems:
            raise DeclareError(*sorted(self.problems))
        return self.root

    def _take(self, event: yaml.Event) -> None:
        for sentence in _refused(event):
            # What is refused here cannot be gone on with: what it stands for is not known.
            raise DeclareError(_problem(event, sentence))
        line, column = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            self._add(Scalar(event.value, line, column, is_plain=event.style is None))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._enter(Listing(line, column))
        elif isinstance(event, yaml.MappingStartEvent):
            self._enter(Table(line, column))
        elif isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            self.keys.pop()

    def _enter(self, node: Listing | Table) -> None:
        self._add(node)
        if len(self.open) >= MOST_DEPTH:
            raise DeclareError(Problem(node.line, node.column, f"This lies deeper than {MOST_DEPTH} levels."))
        self.open.append(node)
        self.keys.append(None)

    def _add(self, node: Node) -> None:
        if not self.open:
            self.root = node
        elif isinstance(parent := self.open[-1], Listing):
            parent.items.append(node)
        elif (key := self.keys[-1]) is not None:
            self._put(parent, key, node)
            self.keys[-1] = None
        elif isinstance(node, Scalar):
            self.keys[-1] = node
        else:
            raise DeclareError(Problem(node.line, node.column, "A key is one word, not a list or a table."))

    def _put(self, table: Table, key: Scalar, node: Node) -> None:
        if key.text in table.items:
            first = table.items[key.text][0].line
            self.problems.append(
                Problem(key.line, key.column, f"“{key.text}” stands here twice, first in line {first}.")
            )
        else:
            table.items[key.text] = (key, node)


def _refused(event: yaml.Event) -> Iterator[str]:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        yield "Anchors and aliases (& and *) are not taken: write the value where it is meant."
    elif getattr(event, "tag", None):
        yield f"Tags such as {event.tag} are not taken: write the value alone."  # type: ignore[attr-defined]  # only some events have one


def _problem(event: yaml.Event, sentence: str) -> Problem:
    return Problem(*_place(event), sentence)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
