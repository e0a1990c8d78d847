"""One address, two answers."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxMiddleware

from certdash.lib.htmx import page_or_fragment


@pytest.mark.parametrize(
    ("headers", "template"),
    [
        ({}, "page.html"),
        ({"HX-Request": "true"}, "page.html#rows"),
        ({"HX-Request": "true", "HX-Boosted": "true"}, "page.html"),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, "page.html"),
    ],
)
def test_only_htmx_gets_the_part_and_only_when_the_rest_is_on_the_screen(
    headers: dict[str, str], template: str
) -> None:
    request = RequestFactory().get("/", headers=headers)
    HtmxMiddleware(lambda _request: HttpResponse())(request)
    assert page_or_fragment(request, "page.html", "rows") == template
