"""Where pages end: behind words that belong to what stands above them, never behind a heading."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import weasyprint
from django.template.loader import render_to_string

from accounts.models import Organisation, Team, User
from policy.rules import CATALOGUE
from reports.exports import as_pdf, document
from tests.reports.estate import frozen, make_estate

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014.icc:ResourceWarning")]

# Where the text of a page stands, in points: within the margins of the style sheet.
BODY = ("-x", "0", "-y", "68", "-W", "595", "-H", "717")
STEP, PAGE = 7, 253  # mm: less than a heading with its distance, and the room of a page
SIGN = "§"


@pytest.fixture
def data(organisation: Organisation, auditor: User, web_team: Team) -> dict[str, Any]:
    Organisation.objects.update(timezone="Europe/Berlin")
    make_estate(web_team, None, number=4)
    data = frozen(auditor)
    data["freshness"]["reasons"] = [["unreachable: timeout", 2], ["answered too long ago", 1]]
    silent = "The server did not answer, so that nobody can say what it would have shown to the one who asked."
    data["rules_not_judged"] = [
        {"rule": rule, "count": count, "reasons": [[f"{silent} ({n})", 1] for n in range(count)]}
        for rule, count in (("old_tls", 5), ("wrong_name", 5), ("weak_key", 3), ("self_signed", 1))
    ]
    return data


def marked(page: str) -> str:
    """Let each heading end in a sign that nothing else has."""
    page = re.sub(r"(</(?:h2|h3|caption)>)", rf"{SIGN}\1", page)
    return re.sub(r"<thead>.*?</thead>", lambda head: head[0].replace("</th>", f"{SIGN}</th>"), page, flags=re.DOTALL)


def bodies(page: str, folder: Path) -> list[list[str]]:
    """The lines of each page, without its head and foot."""
    fetcher = as_pdf.OwnFiles()
    style = weasyprint.CSS(filename=str(as_pdf.STYLE), url_fetcher=fetcher)
    weasyprint.HTML(string=page, base_url=as_pdf.STYLE.as_uri(), url_fetcher=fetcher).write_pdf(
        folder / "pages.pdf", stylesheets=[style]
    )
    command = ["pdftotext", "-layout", *BODY, str(folder / "pages.pdf"), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [[" ".join(line.split()) for line in one.splitlines() if line.strip()] for one in text.split("\f")]


def test_no_heading_ends_a_page_wherever_it_falls(data: dict[str, Any], tmp_path: Path) -> None:
    page = marked(render_to_string("reports/inventory.html", document.context(data, "0" * 64)))
    before, main, after = re.split(r"(<main>.*</main>)", page, flags=re.DOTALL)
    # One section of each form is enough.
    main = re.sub(r'<section id="(?:mix|expiring|unowned|weak|method)".*?</section>', "", main, flags=re.DOTALL)
    heights = range(0, PAGE - STEP, STEP)
    parts = (f'<div style="break-before: page; height: {height}mm"></div>{main}' for height in heights)
    pages = bodies(before + "".join(parts) + after, tmp_path)
    assert sum(SIGN in line for lines in pages for line in lines) > 12 * len(heights)
    assert [lines[-3:] for lines in pages if lines and lines[-1].endswith(SIGN)] == []


def test_a_name_made_to_fill_pages_is_cut_where_it_is_shown(data: dict[str, Any]) -> None:
    for row in data["sections"]["expired"]["rows"]:
        row["name"], row["issuer"] = "\u202e" * 255, "\u202e" * 255
    shown = render_to_string("reports/inventory.html", document.context(data, "0" * 64))
    longest = max(len(html.unescape(text)) for text in re.findall(r">([^<>]*)<", shown))
    assert longest <= 400


def test_a_row_does_not_repeat_its_status_and_its_owner(data: dict[str, Any]) -> None:
    data["sections"]["expired"]["rows"][0]["risks"] = ["incomplete_chain", *document.SAID, "not_in_the_catalogue"]
    section = document.context(data, "0" * 64)["sections"][0]
    assert section["rows"][0]["titles"] == ["Chain incomplete"]
    assert set(document.SAID) <= set(CATALOGUE)


def test_a_name_in_another_script_stands_there_in_both_forms(data: dict[str, Any]) -> None:
    row = data["sections"]["expired"]["rows"][0]
    row |= {"name": "xn--bcher-kva.example", "name_unicode": "bücher.example"}
    shown = render_to_string("reports/inventory.html", document.context(data, "0" * 64))
    assert re.search(r"xn--bcher-kva\.example.*\n?.*bücher\.example", shown)


def test_a_report_that_was_frozen_before_other_forms_were_kept_can_still_be_shown(data: dict[str, Any]) -> None:
    for row in data["sections"]["expired"]["rows"]:
        del row["name_unicode"]
    shown = render_to_string("reports/inventory.html", document.context(data, "0" * 64))
    assert data["sections"]["expired"]["rows"][0]["name"] in shown
    assert "other-form" not in shown


def test_each_reason_stands_once_with_the_rules_that_it_stopped(data: dict[str, Any]) -> None:
    refused = ["Refused.", 5]
    data["rules_not_judged"] = [
        {"rule": "wrong_name", "count": 97, "reasons": [["Not known.", 90], refused]},
        *({"rule": rule, "count": 5, "reasons": [refused]} for rule in ("old_tls", "weak_key")),
    ]
    gaps = document.context(data, "0" * 64)["gaps"]
    assert [(gap["reason"], gap["count"], gap["is_most"], gap["titles"]) for gap in gaps] == [
        ("Not known.", 90, False, ["Wrong name"]),
        ("Refused.", 5, True, []),
        ("", 2, False, ["Wrong name"]),
    ]
    page = render_to_string("reports/inventory.html", document.context(data, "0" * 64))
    assert page.count("Refused.") == 1


def test_every_column_of_every_table_has_a_heading(data: dict[str, Any]) -> None:
    page = render_to_string("reports/inventory.html", document.context(data, "0" * 64))
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert len(tables) > 8
    for table in tables:
        heads = re.findall(r'<th scope="col">\s*([^<\s])', table)
        first = table.partition("<tbody>")[2].partition("</tr>")[0]
        assert len(heads) == first.count("<td") + first.count('<th scope="row"')


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [
        (5000, 5000, "100.0 %"),
        (4999, 5000, "99.9 %"),
        (1, 3, "33.3 %"),
        (1, 5000, "under 0.1 %"),
        (0, 7, "0 %"),
        (0, 0, "0 %"),
    ],
)
def test_a_part_of_the_estate_is_never_called_all_or_none_of_it(
    part: int, whole: int, share: str, data: dict[str, Any]
) -> None:
    data["scope"] |= {"certificates": part, "estate": whole}
    assert document.context(data, "0" * 64)["share"] == share
