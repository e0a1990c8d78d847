"""When the database cannot be written: why, and a page that says so without writing anything itself."""

from __future__ import annotations

import logging

from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

# What SQLite says, in small letters.
_WORDS = {
    "disk is full": "full",
    "readonly database": "read-only",
    "disk i/o error": "failing",
    "unable to open database file": "failing",
    "database is locked": "busy",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_STATES = {"53100": "full", "25006": "read-only", "58030": "failing", "55P03": "busy"}


def why_not_written(error: BaseException | None) -> str:
    """Why the database refused to write: full, read-only, failing or busy; "" if ``error`` says nothing of the kind."""
    while error is not None and not isinstance(error, DatabaseError):
        error = error.__cause__
    if error is None:
        return ""
    state = getattr(error.__cause__, "sqlstate", None)
    said = str(error).lower()
    return _STATES.get(state or "") or next((why for words, why in _WORDS.items() if words in said), "")


def refusal(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Answer 503 with the reason, if ``error`` is that the database cannot be written."""
    why = why_not_written(error)
    if not why:
        return None
    logger.critical("Refused %s because the database cannot be written: %s", request.path, error)
    return page(request, why)


def page(request: HttpRequest, why: str) -> HttpResponse:
    """Say that nothing was changed, and why. Asks neither the database nor the session: either may be what failed."""
    context = {"request_id": request.META.get("CERTDASH_REQUEST_ID", ""), "why": why}
    return HttpResponse(render_to_string("503.html", context), status=503)
