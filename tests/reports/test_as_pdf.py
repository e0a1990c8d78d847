"""The PDF: the same bytes for the same data, readable by programs, and inert whatever the names are."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Organisation, Team, User
from certdash.lib.inert import visible
from reports.exports import as_pdf
from reports.services import canonical
from tests.reports.estate import HOSTILE, frozen, make_estate, make_hostile

# WeasyPrint leaves the colour profile of PDF/A to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014.icc:ResourceWarning")

_made: dict[str, Any] = {}


@pytest.fixture
def data(organisation: Organisation, auditor: User, web_team: Team) -> dict[str, Any]:
    """Frozen once: all tests here read the same document."""
    if "data" not in _made:
        make_estate(web_team, None)
        make_hostile(web_team)
        _made["data"] = frozen(auditor)
    found: dict[str, Any] = json.loads(canonical(_made["data"]))
    return found


def sha256(data: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(data)).hexdigest()


@pytest.fixture
def pdf(data: dict[str, Any], tmp_path: Path) -> Path:
    if "pdf" not in _made:
        _made["pdf"] = as_pdf.render(data, sha256(data))
    path = tmp_path / "report.pdf"
    path.write_bytes(_made["pdf"])
    return path


def told(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def objects(pdf: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told("qpdf", "--json=2", "--json-key=qpdf", pdf))["qpdf"][1]
    return found


def root_of(found: dict[str, Any]) -> dict[str, Any]:
    trailer = found["trailer"]["value"]
    root: dict[str, Any] = found[f"obj:{trailer['/Root']}"]["value"]
    return root


def test_the_same_data_gives_the_same_bytes_in_another_process(data: dict[str, Any], pdf: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "data.json.gz", tmp_path / "again.pdf"
    source.write_bytes(gzip.compress(canonical(data)))
    told(sys.executable, settings.BASE_DIR / "manage.py", "render_report", source, target)
    assert target.read_bytes() == pdf.read_bytes()


def test_the_document_is_well_formed_tagged_and_says_what_it_is(pdf: Path) -> None:
    told("qpdf", "--check", pdf)
    info = told("pdfinfo", pdf)
    assert re.search(r"^Title: +Certificate inventory and expiry: ", info, re.MULTILINE)
    assert re.search(r"^Tagged: +yes$", info, re.MULTILINE)
    root = root_of(objects(pdf))
    assert root["/Lang"] == "u:en"
    assert root["/MarkInfo"]["/Marked"] is True


def test_the_document_has_bookmarks_for_its_sections(pdf: Path) -> None:
    found = objects(pdf)
    titles = [str(one["value"]["/Title"]) for one in found.values() if "/Title" in _dictionary(one)]
    for title in ("Summary", "What expires", "By team", "How to check this report"):
        assert any(title in found_title for found_title in titles)


def _dictionary(one: dict[str, Any]) -> dict[str, Any]:
    value = one.get("value")
    return value if isinstance(value, dict) else {}


def test_fonts_are_embedded(pdf: Path) -> None:
    lines = told("pdffonts", pdf).splitlines()[2:]
    assert lines
    assert all(re.search(r" yes +(yes|no) +(yes|no) +\d+ +\d+$", line) for line in lines), lines


def test_the_whole_population_is_attached_with_the_date_of_the_data(
    data: dict[str, Any], pdf: Path, tmp_path: Path
) -> None:
    told("pdfdetach", "-saveall", "-o", tmp_path, pdf)
    attached = tmp_path / "certificates-20261123T094100Z.csv"
    assert attached.read_bytes().decode() == data["population"]
    described = told("qpdf", "--list-attachments", "--verbose", pdf)
    assert described.count("D:20261123094100Z") == 2, described


def test_the_cover_carries_the_hash_of_the_data(data: dict[str, Any], pdf: Path) -> None:
    cover = told("pdftotext", "-l", "1", "-layout", pdf, "-")
    hexadecimal = re.sub(r"[^0-9a-f]", "", cover.lower())
    assert sha256(data) in hexadecimal


def test_what_cannot_be_seen_is_visible_on_paper(pdf: Path) -> None:
    text = told("pdftotext", "-raw", pdf, "-")
    flat = re.sub(r"\s", "", text)
    assert "\u202e" not in text
    for name in ("control", "bidi", "markup", "formula", "cjk"):
        assert re.sub(r"\s", "", visible(HOSTILE[name])) in flat, name
    assert "x" * 255 in flat
    assert "‹U+202E›Sons" in flat


def test_nothing_reaches_over_the_edge_of_a_page(pdf: Path) -> None:
    boxes = told("pdftotext", "-bbox", pdf, "-")
    width = 0.0
    for page, right in re.findall(r'<page width="([\d.]+)"|xMax="([\d.]+)"', boxes):
        width = float(page) if page else width
        assert not right or float(right) <= width
    assert width


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def test_a_name_that_asks_for_a_picture_connects_to_nobody(data: dict[str, Any], listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    for row in data["sections"]["expired"]["rows"]:
        row["name"] = f'<img src="{url}"><link rel=stylesheet href="{url}"> url({url})'
    data["organisation"] = f'<img src="{url}">'
    as_pdf.render(data, sha256(data))
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x.png",
        "https://example.org/x.css",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        f"file://{settings.BASE_DIR}/static/../manage.py",
        f"file://{settings.BASE_DIR}/static/%2e%2e/manage.py",
        "data:text/plain,x",
    ],
)
def test_the_renderer_may_fetch_nothing_but_our_own_files(url: str) -> None:
    with pytest.raises(ValueError, match="may not fetch"):
        as_pdf.OwnFiles().fetch(url)


def test_the_renderer_asks_for_fonts_only(data: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fetch = as_pdf.OwnFiles.fetch

    def noted(self: as_pdf.OwnFiles, url: str, headers: Any = None) -> Any:
        asked.append(url)
        return fetch(self, url, headers)

    monkeypatch.setattr(as_pdf.OwnFiles, "fetch", noted)
    as_pdf.render(data, sha256(data))
    assert asked
    assert all(url.startswith(as_pdf.STATIC.as_uri()) for url in asked), asked
