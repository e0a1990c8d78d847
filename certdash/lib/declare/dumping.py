"""The present state in the form of the file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from certdash.lib.declare.fields import Secret, Spelled
from certdash.lib.declare.planning import Section

_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (PyYAML's own)
        super().increase_indent(flow, False)  # noqa: FBT003 (PyYAML's own)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_block = "\n" in text and not any(line != line.rstrip() for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else None)


_Dumper.add_representer(str, _text)


def dumped(sections: Iterable[Section]) -> str:
    """Everything that is there, secrets left out, and what is as usual left out, too."""
    parts = []
    for section in sections:
        items = [_plain(section, values) for values in section.present().values()]
        if items:
            part = {section.name: items if section.key else items[0]}
            parts.append(
                f"# {section.words}\n"
                + yaml.dump(part, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
            )
    return "\n".join(parts)


def _plain(section: Section, values: dict[str, Any]) -> dict[str, Any]:
    return {
        field.name: _listed(values[field.name])
        for field in section.fields
        if field.name in values
        and not isinstance(values[field.name], Secret)
        and (field.is_required or not section.key or values[field.name] != field.default)
    }


def _listed(value: Any) -> Any:
    if isinstance(value, Spelled):
        return value.spelled()
    if isinstance(value, tuple | list):
        return [_listed(item) for item in value]
    return {name: _listed(item) for name, item in value.items()} if isinstance(value, dict) else value
