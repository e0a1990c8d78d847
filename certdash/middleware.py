"""What every request passes: an id, a cap on its body, no cache, and htmx's way of following a redirect."""

from __future__ import annotations

import contextvars
import logging
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from certdash.lib import storage

View = Callable[[HttpRequest], HttpResponse]

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")
_LINE_BREAKING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
# Of a body that is refused, this many times the cap is thrown away, for so long.
_THROWN_AWAY_CAPS, _THROWN_AWAY_SECONDS, _PIECE = 5, 60.0, 2**18
# Addresses that let in whoever knows them, also as the value of a parameter.
_TOKEN = re.compile(
    r"""((?:/|%2F)(?:setup|invitation|yours|password(?:/|%2F)reset(?:/|%2F)key)(?:/|%2F))(?:(?!%2F)[^/\s"'?#&])+"""
    r"""|((?:/|%2F)calendar(?:/|%2F))[\w-]+(?=\.ics)""",
    re.IGNORECASE,
)


class LineFormatter(logging.Formatter):
    """One event is one line: what a stranger put into a message cannot forge another."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(request_id)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        # Django tells of an answer when the request has passed all middleware; the record carries the request then.
        request = getattr(record, "request", None)
        known = request.META.get("CERTDASH_REQUEST_ID") if isinstance(request, HttpRequest) else None
        record.request_id = known or _request_id.get()
        return masked(_LINE_BREAKING.sub(lambda m: f"\\x{ord(m.group()):02x}", super().format(record)))


class Refusals(logging.Filter):
    """What is refused is no fault of ours: a strange host, too many fields, a missing role are a warning, one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.levelno == logging.WARNING:
            record.exc_info = record.exc_text = None
        if record.name.startswith("django.security.") and record.levelno == logging.ERROR:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        return True


def masked(text: str) -> str:
    """Leave out the tokens of secret addresses: they may still work."""
    return _TOKEN.sub(r"\1\2***", text)


class RequestId:
    """Give each request an id that stands in its answer, in its log lines and in its audit events.

    What the access log says of the request (``certdash.management.commands.serve``) is put beside it.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex
        request.META["CERTDASH_REQUEST_ID"] = request_id
        request.META["CERTDASH_REQUEST_LINE"] = masked(f"{request.method} {request.get_full_path()}")
        token = _request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _request_id.reset(token)
        response["X-Request-ID"] = request_id
        return response


class UploadCap:
    """Refuse a body that is announced larger than the cap, or not announced at all, before anything keeps it.

    Django reads nothing of a chunked body (it has no length), and a sender would believe that it had arrived. One that
    is somewhat too large is taken from the wire and thrown away: browsers show an answer only when they have sent all.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return HttpResponse("Send the length of the body (Content-Length).\n", "text/plain", status=411)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()) or int(length) > settings.UPLOAD_CAP:
            _throw_away(request, length)
            return render(request, "413.html", {"cap": settings.UPLOAD_CAP}, status=413)
        return self.get_response(request)


def _throw_away(request: HttpRequest, length: str) -> None:
    """Read the body, unless it is far too large or comes too slowly: then the connection just ends."""
    most, until = _THROWN_AWAY_CAPS * settings.UPLOAD_CAP, monotonic() + _THROWN_AWAY_SECONDS
    if not (length.isascii() and length.isdigit()) or int(length) > most:
        return
    with suppress(OSError):
        while monotonic() < until and request.read(_PIECE):
            pass


class FormsOnly:
    """Refuse a body that is no form: Django reads nothing of it, and it would look like a form without fields."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (request.META.get("CONTENT_LENGTH") or "0") != "0" and request.content_type not in _FORMS:
            message = "Send a form: application/x-www-form-urlencoded or multipart/form-data.\n"
            return HttpResponse(message, "text/plain", status=415)
        return self.get_response(request)


class CannotWrite:
    """Say why, if a page fails because the database cannot be written."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return storage.refusal(request, error)


class KeptApart:
    """Keep what a person was shown out of every cache, and the two answers of one address apart from each other.

    Without this, the Back button shows certificates on a shared machine after its user has signed out.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])
        return response


class HtmxRedirect:
    """Make htmx load the sign-in page as a page: it would put a redirect's target into the fragment."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.headers.get("HX-Request") == "true" and response.status_code in {301, 302, 303}:
            target = response["Location"]
            del response["Location"]
            response.status_code = 204
            response["HX-Redirect"] = target
        return response
