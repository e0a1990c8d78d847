"""What may stand under a key: each field reads its own kind of value, and says what it is for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from certdash.lib.declare.reading import DeclareError, Listing, Node, Problem, Scalar, Table

# From a value in the file, and the folder that the file lies in.
Reader: TypeAlias = Callable[[Node, Path], Any]
MOST_REFERRED = 1_000_000
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class Spelled(str):
    """A text that a dump writes in more words than the text alone."""

    def spelled(self) -> Any:
        return str(self)


class Secret:
    """A value that is shown nowhere."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return "•••"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an item. ``default`` is what a new item has without it; a dump leaves it out then."""

    name: str
    reader: Reader
    words: str
    default: Any = ""
    is_required: bool = False


def text(node: Node, folder: Path) -> str:
    """One value as it stands, or what ``{env: NAME}`` or ``{file: PATH}`` refers to."""
    if isinstance(node, Table):
        return _referred(node, folder)
    if not isinstance(node, Scalar):
        raise refuse(node, "a text, not a list")
    return "" if node.is_nothing else node.text


def secret(node: Node, folder: Path) -> Secret:
    if not isinstance(node, Table):
        raise DeclareError(
            Problem(node.line, node.column, "A secret does not stand in the file: write {env: NAME} or {file: PATH}.")
        )
    return Secret(_referred(node, folder))


def _referred(node: Table, folder: Path) -> str:
    if len(node.items) != 1 or not node.items.keys() <= {"env", "file"}:
        raise refuse(node, "a text, or {env: NAME}, or {file: PATH}")
    (kind,) = node.items
    name = text_alone(node.items[kind][1])
    return _of_environment(node, name) if kind == "env" else _of_file(node, _inside(node, folder, name))


def origin_of(node: Node) -> str:
    """Where a value, or something in it, is referred to: what is read there is shown nowhere. Empty if it is not."""
    if isinstance(node, Scalar):
        return ""
    if isinstance(node, Listing):
        return next(filter(None, map(origin_of, node.items)), "")
    for name, (_key, value) in node.items.items():
        if len(node.items) == 1 and name in {"env", "file"} and isinstance(value, Scalar):
            return f"(from {name} {value.text})"
    return next(filter(None, (origin_of(value) for _key, value in node.items.values())), "")


def text_alone(node: Node) -> str:
    if not isinstance(node, Scalar) or node.is_nothing:
        raise refuse(node, "a text")
    return node.text


def _of_environment(node: Node, name: str) -> str:
    if name not in os.environ:
        raise DeclareError(Problem(node.line, node.column, f"The environment has no {name}."))
    return os.environ[name]


def _inside(node: Node, folder: Path, name: str) -> Path:
    """Below the folder of the file, also where links lead: who writes the file need not be who applies it."""
    try:
        path, home = (folder / name).resolve(), folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise DeclareError(Problem(node.line, node.column, f"{name} cannot be read: {error}.")) from error
    if Path(name).is_absolute() or ".." in Path(name).parts or not path.is_relative_to(home):
        raise refuse(node, "a file in the folder of this one, or below it")
    return path


def _of_file(node: Node, path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise refuse(node, "a file, not a folder, a pipe or a device")
        with path.open("rb") as file:
            found = file.read(MOST_REFERRED + 1)
        if len(found) > MOST_REFERRED:
            raise refuse(node, f"a file of at most {MOST_REFERRED:,} bytes")
        return found.decode().strip()
    except (OSError, ValueError) as error:
        raise DeclareError(Problem(node.line, node.column, f"{path} cannot be read: {error}.")) from error


def number(node: Node, _folder: Path) -> int:
    if not isinstance(node, Scalar) or not node.is_plain or not _NUMBER.fullmatch(node.text):
        raise refuse(node, "a whole number")
    return int(node.text)


def flag(node: Node, _folder: Path) -> bool:
    word = node.text.lower() if isinstance(node, Scalar) and node.is_plain else ""
    if word not in _TRUE | _FALSE:
        raise refuse(node, "true or false")
    return word in _TRUE


def choice(words: Sequence[str]) -> Reader:
    def reader(node: Node, folder: Path) -> str:
        found = text(node, folder)
        if found not in words:
            raise refuse(node, f"one of {', '.join(filter(None, words))}")
        return found

    return reader


def each(reader: Reader) -> Reader:
    """A list, as a tuple."""

    def listed(node: Node, folder: Path) -> tuple[Any, ...]:
        if isinstance(node, Scalar) and node.is_nothing:
            return ()
        if not isinstance(node, Listing):
            raise refuse(node, "a list: each entry in a line of its own, behind “- ”")
        return tuple(_all(node, reader, folder))

    return listed


def _all(node: Listing, reader: Reader, folder: Path) -> list[Any]:
    found: list[Any] = []
    problems: list[Problem] = []
    for item in node.items:
        try:
            found.append(reader(item, folder))
        except DeclareError as error:
            problems += error.problems
    if problems:
        raise DeclareError(*problems)
    return found


def of_fields(node: Node, fields: Sequence[Field], where: str, folder: Path) -> dict[str, Any]:
    """Read one item by its fields: only what was given stands in the answer. Raises with all that is wrong."""
    if not isinstance(node, Table):
        raise refuse(node, f"a table with {', '.join(field.name for field in fields)}")
    known = {field.name: field for field in fields}
    problems = [_unknown(key, where, known) for name, (key, _value) in node.items.items() if name not in known]
    found: dict[str, Any] = {}
    for name in (name for name in node.items if name in known):
        try:
            found[name] = known[name].reader(node.items[name][1], folder)
        except DeclareError as error:
            problems += [Problem(at.line, at.column, f"{where}.{name}: {at.sentence}") for at in error.problems]
    problems += [
        Problem(node.line, node.column, f"{where} needs “{field.name}”: {field.words}")
        for field in fields
        if field.is_required and not found.get(field.name) and not _is_told(problems, where, field.name)
    ]
    if problems:
        raise DeclareError(*sorted(problems))
    return found


def _is_told(problems: Sequence[Problem], where: str, name: str) -> bool:
    return any(problem.sentence.startswith(f"{where}.{name}:") for problem in problems)


def _unknown(key: Scalar, where: str, known: Mapping[str, Any]) -> Problem:
    return Problem(key.line, key.column, f"{where} has no “{key.text}”{meant(key.text, known)}")


def meant(word: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean “{near[0]}”?" if near else f". There is: {', '.join(known)}."


def refuse(node: Node, wanted: str) -> DeclareError:
    return DeclareError(Problem(node.line, node.column, f"Write {wanted}."))
