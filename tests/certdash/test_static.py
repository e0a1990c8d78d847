"""Third-party files are what they are said to be, and no page asks another host for anything."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
VENDORED = tomllib.loads((STATIC / "vendor" / "VENDOR.toml").read_text())["file"]
OURS = [path for path in STATIC.rglob("*") if path.suffix in {".css", ".js", ".svg"} and "vendor" not in path.parts]
PAGES = [path for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".svg"}]
# Names of XML vocabularies look like addresses; nothing fetches them.
NAMESPACE = re.compile(r"http://www\.w3\.org/[\w/.]+")
LOADS = re.compile(r"""(?:(?:src|href|action|poster)\s*=\s*["']|url\(\s*["']?|@import\s+["'])(?:https?:)?//""")


@pytest.mark.parametrize("entry", VENDORED, ids=lambda entry: entry["path"])
def test_vendored_file_has_the_hash_and_the_licence_that_are_written_down(entry: dict[str, str]) -> None:
    content = (STATIC / entry["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert (STATIC / entry["licence_file"]).read_text().strip()
    assert entry["version"]
    assert entry["source"]


def test_every_vendored_file_is_written_down() -> None:
    listed = {entry["path"] for entry in VENDORED} | {entry["licence_file"] for entry in VENDORED}
    present = {str(path.relative_to(STATIC)) for path in (STATIC / "vendor").rglob("*") if path.is_file()}
    assert present - listed == {"vendor/VENDOR.toml"}


@pytest.mark.parametrize("path", [*OURS, *PAGES], ids=str)
def test_no_file_names_another_host(path: Path) -> None:
    text = NAMESPACE.sub("", path.read_text())
    assert not LOADS.search(text)


def test_vendored_styles_load_nothing_from_elsewhere() -> None:
    styles = NAMESPACE.sub("", (STATIC / "vendor/bootstrap/bootstrap.min.css").read_text())
    assert not LOADS.search(styles)
    assert "sourceMappingURL" not in styles


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_no_template_has_an_inline_style_or_script_that_the_policy_would_stop(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|hx-on|javascript:", text)
    assert not re.search(r"<script(?![^>]*(?:src=|type=\"application/json\"))", text)


def test_every_icon_that_a_template_asks_for_is_in_the_sprite() -> None:
    present = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    asked = {name for path in PAGES for name in re.findall(r'{% icon "([^"]+)"', path.read_text())}
    assert asked <= present


def test_every_class_of_the_palette_has_a_light_and_a_dark_value() -> None:
    tokens = (STATIC / "css/tokens.css").read_text()
    for name in re.findall(r"var\(--([a-z0-9-]+)\)", (STATIC / "css/charts.css").read_text()):
        assert re.search(rf"--{name}: (light-dark\(|var\(|\"|\d)", tokens), name
