"""A report as PDF/A-3a: tagged, with its data attached, and the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import weasyprint
from django.conf import settings
from django.template.loader import render_to_string
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from reports.exports import document

STATIC = settings.BASE_DIR / "static"
STYLE = STATIC / "css" / "report.css"


class OwnFiles(URLFetcher):
    """Fetches our own style sheet's fonts and nothing else: no network, no other file."""

    def fetch(self, url: str, _headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        parts = urlsplit(url)
        path = Path(unquote(parts.path)).resolve()
        if parts.scheme != "file" or not path.is_relative_to(STATIC):
            raise ValueError(f"a report may not fetch {url!r}")
        return URLFetcherResponse(url, path.read_bytes())


def render(data: Mapping[str, Any], data_sha256: str) -> bytes:
    """Lay out frozen data. Pure: the same arguments give the same bytes."""
    shown = document.context(data, data_sha256)
    html = render_to_string("reports/inventory.html", shown)
    fonts = FontConfiguration()
    fetcher = OwnFiles()
    style = weasyprint.CSS(filename=str(STYLE), font_config=fonts, url_fetcher=fetcher)
    page = weasyprint.HTML(string=html, base_url=STYLE.as_uri(), url_fetcher=fetcher)
    attachment = weasyprint.Attachment(
        string=document.population_csv(data),
        name=shown["population_file"],
        description="Every certificate in the scope of this report",
        created=shown["taken_utc"],
        modified=shown["taken_utc"],
        relationship="Data",
    )
    pdf: bytes = page.write_pdf(
        stylesheets=[style],
        font_config=fonts,
        attachments=[attachment],
        pdf_variant="pdf/a-3a",
        pdf_identifier=data_sha256.encode(),
        optimize_images=False,
    )
    return pdf
