"""One address, two answers: the whole page for a browser, the part that changes for htmx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import _User
    from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request after our middleware, by somebody who has signed in: for annotations only."""

    htmx: HtmxDetails
    user: _User


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for the part that changes.

    A boosted link and a step back in the history, whose copy htmx no longer has, need the whole page.
    """
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def page_or_fragment(request: HttpRequest, template: str, fragment: str) -> str:
    """Return ``template``, or ``template#fragment`` if htmx asks for it."""
    return f"{template}#{fragment}" if wants_fragment(request) else template
