"""Bringing the installation in line with a configuration file: all of it, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts import declared as accounts
from accounts.services import Origin, came_from
from certdash.lib.declare import By, Change, DeclareError, MissingError, Problem, Section, Wanted, plan, read, wanted
from discovery import declared as discovery
from inventory import declared as inventory
from reports import declared as reports

# In the order in which they name each other.
SECTIONS: tuple[Section, ...] = (
    *accounts.SECTIONS,
    *discovery.SECTIONS,
    *inventory.SECTIONS,
    *reports.SECTIONS,
)


@dataclass(frozen=True, slots=True)
class File:
    """One configuration file, read and understood."""

    sha256: str
    wishes: Sequence[Wanted]


@dataclass(slots=True)
class Outcome:
    changes: Sequence[Change] = ()
    problems: list[Problem] = field(default_factory=list)
    # E-mail address → link.
    invited: dict[str, str] = field(default_factory=dict)


def read_file(content: bytes, folder: Path) -> File:
    """Raises DeclareError with everything that is wrong in it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DeclareError(Problem(line, 0, "This is no UTF-8.")) from error
    return File(hashlib.sha256(content).hexdigest(), wanted(read(text), SECTIONS, folder))


def bring_in_line(file: File, who: str, now: datetime, *, check: bool = False) -> Outcome:
    """Make all changes in one transaction. With ``check``, or if one is refused, none was made."""
    outcome = Outcome()
    by = By(now, "manage.py apply", outcome.invited)
    with came_from(Origin(actor=f"apply: {who}, file {file.sha256}")), transaction.atomic():
        _bring(file, by, outcome)
        if check or outcome.problems:
            # Nobody was invited then, either.
            transaction.set_rollback(True)
            outcome.invited = {}
    return outcome


def _bring(file: File, by: By, outcome: Outcome) -> None:
    outcome.changes = plan(file.wishes)
    refused: set[tuple[str, str]] = set()
    for change in _in_order(outcome.changes, file.wishes):
        if (told := _try(change, by, refused)) is not None:
            refused.add((change.section, change.key[0] if change.key else ""))
            outcome.problems += told
    if not outcome.problems:
        # What would be changed again and again was not understood.
        outcome.problems += [
            Problem(change.line, 0, f"{change.section}: {change.item or 'the order'} does not stay as it is written.")
            for change in plan(file.wishes)
        ]


def _in_order(changes: Sequence[Change], wishes: Sequence[Wanted]) -> Iterator[Change]:
    """What is named first, before what names it; removed the other way round; put in order at the end."""
    order = [wish.section.name for wish in wishes]
    yield from (change for change in changes if change.kind in {"created", "changed"})
    removed = [change for change in changes if change.kind == "removed"]
    yield from sorted(removed, key=lambda change: -order.index(change.section))
    yield from (change for change in changes if change.kind == "ordered")


def _try(change: Change, by: By, refused: Collection[tuple[str, str]]) -> list[Problem] | None:
    """What is wrong with it; nothing to be told if only another one, which was ``refused`` before, is in its way."""
    section = next(section for section in SECTIONS if section.name == change.section)
    where = f"{change.section}: {change.item}" if change.item else change.section
    try:
        with transaction.atomic():
            _make(section, change, by)
    except DeclareError as error:
        told = [(at.line or change.line, at.column, at.sentence) for at in error.problems]
        return [Problem(line, column, f"{where}: {change.hides(sentence)}") for line, column, sentence in told]
    except ValidationError as error:
        follows = any(name in section.leans_on for name, _item in refused)
        sentences = [] if follows else map(change.hides, _sentences(error))
        return [Problem(change.line, 0, f"{where}: {sentence}") for sentence in sentences]
    except (ValueError, PermissionDenied) as error:
        follows = isinstance(error, MissingError) and error.names in refused
        return [] if follows else [Problem(change.line, 0, f"{where}: {change.hides(str(error))}")]
    return None


def _make(section: Section, change: Change, by: By) -> None:
    if change.kind == "ordered":
        section.arrange(change.values["keys"], by)
    elif change.kind == "removed":
        section.remove(change, by)
    else:
        section.write(change, by)


def _sentences(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return error.messages
    return [
        f"{name}: {sentence}" if name != "__all__" else sentence
        for name, sentences in error.message_dict.items()
        for sentence in sentences
    ]
