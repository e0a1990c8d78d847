"""What a configuration file would change, or has changed, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from certdash.lib.declare import Change, Problem, Secret
from certdash.lib.inert import shorten, visible

_SIGNS = {"created": "+", "changed": "~", "removed": "-", "ordered": "~"}
_LONGEST = 100


def lines(changes: Sequence[Change]) -> Iterator[str]:
    """Say each change in a line; + is new, ~ is changed, - goes."""
    for section, group in groupby(changes, key=lambda change: change.section):
        yield f"{section}:"
        for change in group:
            item = visible(change.item) or {"ordered": "order"}.get(change.kind, section)
            yield f"  {_SIGNS[change.kind]} {item}{_differences(change)}"
    yield summary(changes)


def summary(changes: Sequence[Change]) -> str:
    if not changes:
        return "Nothing to change."
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _SIGNS}
    named = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"{len(changes)} {'change' if len(changes) == 1 else 'changes'}: {named}."


def _differences(change: Change) -> str:
    if change.kind == "removed":
        return ""
    said = []
    before, after = change.shown
    for name, value in after.items():
        if change.kind == "created":
            said += [f"{name} {_shown(value)}"] if value not in change.key else []
        else:
            said.append(f"{name} {_shown(before.get(name))} → {_shown(value)}")
    return f": {', '.join(said)}" if said else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{shorten(', '.join(visible(str(item)) for item in value), _LONGEST)}]"
    if isinstance(value, str):
        return f"“{shorten(visible(value), _LONGEST)}”"
    return str(value)


def as_json(said: Mapping[str, Any], changes: Sequence[Change], problems: Sequence[Problem]) -> str:
    told = {
        **said,
        "changes": [_plain(change) for change in changes],
        "errors": [
            {"line": problem.line, "column": problem.column, "message": problem.sentence} for problem in problems
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False, default=_as_text)


def _plain(change: Change) -> dict[str, Any]:
    told = {"section": change.section, "item": change.item, "kind": change.kind, "line": change.line}
    before, after = change.shown
    return told | {"before": before, "after": after}


def _as_text(value: object) -> str:
    return repr(value) if isinstance(value, Secret) else str(value)
