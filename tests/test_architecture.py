"""The house keeps its shape: the import line, budgets of size, no blanket excepts, no raw markup, no open door."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parent.parent
APPS = ["certdash", "accounts", "inventory", "discovery", "policy", "renewals", "alerts", "reports"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

LINES = 300
LONGER = {"certdash/settings.py": 400}  # a list of settings, nothing to take apart

# The loops of ticks: one fault must not keep the others from running, and it is written down.
TICK_LOOPS = {"accounts/services/ticks.py", "discovery/services/ticking.py"}

# Who may be asked without being signed in, and why. Everything else asks who you are.
OPEN = {
    "healthz": "probes of the machine",
    "readyz": "probes of the machine",
    "accounts:setup": "first run, with a one-time token",
    "accounts:setup_link": "first run, with a one-time token",
    "accounts:setup_administrator": "first run, with a one-time token",
    "inventory:yours": "a one-time token from a mail",
    "inventory:feed": "a calendar program, by a token that can be withdrawn",
    "accounts:invitation": "a one-time token from a mail",
    "accounts:invitation_link": "a one-time token from a mail",
    "account_login": "signing in",
    "account_signup": "closed by the adapter; answers that it is",
    "account_logout": "signing out twice is no error",
    "account_inactive": "says that an account is closed",
    "account_confirm_email": "a token from a mail",
    "account_email_verification_sent": "after asking for a mail",
    "account_reset_password": "asking for a mail",
    "account_reset_password_done": "after asking for a mail",
    "account_reset_password_from_key": "a token from a mail",
    "account_reset_password_from_key_done": "after a new password",
    "account_confirm_login_code": "closed by the settings",
    "mfa_authenticate": "the second step of signing in",
    "mfa_login_webauthn": "signing in by passkey",
    "openid_connect_login": "single sign-on",
    "openid_connect_callback": "single sign-on",
    "socialaccount_login_cancelled": "single sign-on",
    "socialaccount_signup": "single sign-on, closed by the adapter",
    "admin:login": "leads to the sign-in page",
}


def modules(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_go_one_way_only() -> None:
    told = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout


def test_the_import_rules_know_every_app() -> None:
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == {*APPS, "lab"}
    assert set(APPS) - {"certdash"} <= set(settings.INSTALLED_APPS)


def test_an_app_holds_only_modules_of_the_vocabulary() -> None:
    """import-linter compares the modules of an app with its layers; here, that no package hides from it."""
    inside = next(contract for contract in PROJECT["tool"]["importlinter"]["contracts"] if contract["id"] == "inside")
    words = set(re.findall(r"\((\w+)\)", " ".join(inside["layers"]))) | set(inside["exhaustive_ignores"])
    there = {path.relative_to(ROOT / app).parts[0].removesuffix(".py") for app in APPS[1:] for path in modules(app)}
    assert there - {"__init__"} <= words


@pytest.mark.parametrize("path", modules(*APPS, "lab", "bench", "tests"), ids=name)
def test_a_file_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGER.get(name(path), LINES)


@pytest.mark.parametrize("path", sorted((ROOT / "static").glob("[cj]s*/*")), ids=name)
def test_a_stylesheet_and_a_script_are_short(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= LINES


def broad_handlers(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ExceptHandler):
            continue
        named = node.type.id if isinstance(node.type, ast.Name) else ""
        raises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
        if node.type is None or (named in {"Exception", "BaseException"} and not raises):
            yield node.lineno


def test_only_the_loop_of_a_tick_catches_everything() -> None:
    """One that raises it again after closing something is no such handler."""
    found = {name(path) for path in modules(*APPS, "lab") if list(broad_handlers(path))}
    assert found <= TICK_LOOPS


RAW_MARKUP = re.compile(r"mark_safe|SafeString\(|\|\s*safe\b|\|\s*safeseq\b|autoescape\s+off|__html__")


def test_nothing_is_put_into_a_page_unescaped() -> None:
    """Certificate names are written by strangers; format_html escapes what it is given. Plain mails escape nothing."""
    pages = [path for kind in ("*.html", "*.svg") for path in (ROOT / "templates").rglob(kind)]
    found = [name(path) for path in [*modules(*APPS), *pages] if RAW_MARKUP.search(path.read_text(encoding="utf-8"))]
    assert found == []


TAKES = re.compile(r"""\{%\s*(?:include|extends)\s+"(\w+)/""")


def test_a_template_takes_no_part_of_an_app_above_its_own() -> None:
    """The line of the imports, for templates; what several apps show lies in no app's folder."""
    line = APPS[1:]
    upward = {
        f"{name(path)} takes from {other}"
        for place, app in enumerate(line)
        for path in (ROOT / "templates" / app).rglob("*.*")
        for other in TAKES.findall(path.read_text(encoding="utf-8"))
        if other in line[place + 1 :]
    }
    shared = [path for path in (ROOT / "templates").glob("*.html") if set(TAKES.findall(path.read_text())) & set(line)]
    assert (upward, shared) == (set(), [])


def test_migrations_of_ours_take_nothing_from_the_apps() -> None:
    """A migration that imports today's code would do something else tomorrow."""
    foreign = re.compile(rf"^(?:from|import) ({'|'.join(APPS)})\b(?!\.models\.\w+$)", re.MULTILINE)
    paths = [path for app in APPS for path in (ROOT / app).glob("migrations/0*.py")]
    assert paths
    assert [name(path) for path in paths if foreign.search(path.read_text(encoding="utf-8"))] == []


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            space = f"{entry.namespace}:" if entry.namespace else ""
            yield from patterns(entry, prefix + space)
        else:
            yield f"{prefix}{entry.name}", entry


def test_every_address_asks_who_you_are() -> None:
    """LoginRequiredMiddleware asks for every view that does not say otherwise, so we look at what the views say."""
    assert "django.contrib.auth.middleware.LoginRequiredMiddleware" in settings.MIDDLEWARE
    known = list(patterns(get_resolver()))
    assert len(known) > 30
    is_open = {where for where, entry in known if not getattr(entry.callback, "login_required", True)}
    assert is_open == set(OPEN)


def test_every_setting_of_a_panel_names_an_address_that_exists() -> None:
    names = {where for where, _entry in patterns(get_resolver())}
    wanted = {address for _key, _label, address in settings.CERTIFICATE_PANELS + settings.ENDPOINT_PANELS}
    assert wanted <= names


def test_what_is_ignored_says_why() -> None:
    """A bare `noqa` or `type: ignore` hides everything on its line."""
    bare = re.compile(r"#\s*noqa(?!: [A-Z]+\d)|#\s*type: ignore(?!\[)")
    found = [name(path) for path in modules(*APPS, "lab", "bench") if bare.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_work_is_left_as_a_note() -> None:
    note = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    found = [name(path) for path in modules(*APPS, "lab", "bench") if note.search(path.read_text(encoding="utf-8"))]
    assert found == []
