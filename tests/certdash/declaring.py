"""A configuration file with everything in it, and the state that it leads to."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from certdash.lib.declare import Field
from certdash.management.applying import SECTIONS, Outcome, bring_in_line, read_file
from tests.conftest import NOW
from tests.discovery.servers import certificate

WHO = "command line (tester)"


def example() -> bytes:
    """The full example of the documentation, moved to loopback: a test allows nothing else."""
    page = (settings.BASE_DIR / "docs/configuration-as-code.md").read_text(encoding="utf-8")
    found = re.search(r"## A full example\n\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    moved = found[1].replace("10.20.", "127.20.").replace("192.0.2.", "127.2.0.")
    return re.sub(r"- cidr: (.*)\n(?!.*\n.*never_connect)", r"- cidr: \1\n    special: true\n", moved).encode()


def put_roots(folder: Path) -> None:
    (folder / "corp-root.pem").write_bytes(certificate("Example Corp Root").public_bytes(Encoding.PEM))


def apply(content: bytes | str, folder: Path = Path(), *, check: bool = False) -> Outcome:
    content = content.encode() if isinstance(content, str) else content
    return bring_in_line(read_file(content, folder), WHO, NOW, check=check)


def told(outcome: Outcome) -> list[str]:
    return [f"{change.kind} {change.section} {change.item}".strip() for change in outcome.changes]


def described() -> str:
    """Every section and key as the documentation lists them."""
    parts = []
    for section in SECTIONS:
        what = f"Which item it is: {', '.join(f'`{name}`' for name in section.key)}." if section.key else ""
        rows = [f"| `{field.name}` | {_plain(field.words)} | {_default(field)} |" for field in section.fields]
        table = ["| key | meaning | without it |", "|---|---|---|", *rows]
        parts.append("\n".join([f"### {section.name}", "", f"{section.words} {what}".strip(), "", *table]))
    return "\n\n".join(parts) + "\n"


def _plain(words: str) -> str:
    return words.replace("*", "\\*")


def _default(field: Field) -> str:
    if field.is_required:
        return "refused"
    if isinstance(field.default, bool):
        return "`true`" if field.default else "`false`"
    return f"`{field.default}`" if field.default else "empty"
