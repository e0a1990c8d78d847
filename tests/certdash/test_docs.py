"""What the documents say is what the code does: settings, checks, commands, links."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ["certdash", "accounts", "inventory", "discovery", "policy", "renewals", "alerts", "reports"]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
READERS = {"text", "flag", "number", "choice", "words", "url", "database", "kept_secret"}
COMPUTED = object()


def sources() -> Iterator[Path]:
    return (path for app in APPS for path in (ROOT / app).rglob("*.py"))


def settings_in(path: Path) -> Iterator[tuple[str, object]]:
    """Each call ``env.<reader>("NAME", default)``; the default is COMPUTED when it is no constant."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS):
            continue
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and str(name.value).startswith("CERTDASH_"):
            yield str(name.value), default_of(node)


def default_of(call: ast.Call) -> object:
    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "default")]
    if not given:
        return ""
    try:
        return eval(compile(ast.Expression(given[0]), "", "eval"), {"__builtins__": {}})  # noqa: S307 - our own source
    except NameError:
        return COMPUTED


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `(CERTDASH_\w+)` \| (.+?) \| .+ \|$", CONFIGURATION, re.MULTILINE)
    return {name: default.removeprefix("`").removesuffix("`") for name, default in rows}


READ_BY_THE_LOADER = {"CERTDASH_ENV_FILE"}
IN_CODE = dict(setting for path in sources() for setting in settings_in(path))


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    assert set(documented()) == set(IN_CODE) | READ_BY_THE_LOADER


@pytest.mark.parametrize("name", [name for name, default in IN_CODE.items() if default is not COMPUTED])
def test_the_documented_default_is_the_one_in_the_code(name: str) -> None:
    default = IN_CODE[name]
    written = str(default).lower() if isinstance(default, bool) else str(default)
    assert documented()[name] == (written or "empty")


def test_nothing_else_reads_the_environment_of_certdash() -> None:
    """A setting that is read past env.py would be in no table and in no check."""
    own = re.compile(r"environ[^\n]*CERTDASH_|getenv\([^\n]*CERTDASH_")
    past = [path.relative_to(ROOT) for path in sources() if own.search(path.read_text(encoding="utf-8"))]
    assert [str(path) for path in past] == ["certdash/env.py"]


def test_every_check_is_documented() -> None:
    in_code = set(re.findall(r'id="(certdash\.\w+)"', (ROOT / "certdash" / "checks.py").read_text(encoding="utf-8")))
    assert set(re.findall(r"^\| `(certdash\.\w+)` \|", CONFIGURATION, re.MULTILINE)) == in_code


def test_the_example_file_names_only_settings_that_exist() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = {name.removesuffix("_FILE") for name in re.findall(r"^# (CERTDASH_\w+)=", example, re.MULTILINE)}
    assert named
    assert named <= set(IN_CODE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_the_commands_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    commands = {path.stem for app in APPS for path in (ROOT / app / "management" / "commands").glob("[a-z]*.py")}
    of_packages = {"migrate", "check", "qcluster", "makemigrations", "help", "shell"}
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= commands | of_packages


def test_decisions_are_numbered_without_gaps_and_have_their_three_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        headings = re.findall(r"^## (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequence"], path.name
