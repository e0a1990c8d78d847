"""What every request passes: an id, a cap on its body, and log lines that nobody can forge."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from certdash.management.commands.serve import ACCESS
from certdash.middleware import HtmxRedirect, LineFormatter, Refusals, RequestId, UploadCap


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse("reached")


def test_each_answer_carries_an_id_of_its_own(client: Client) -> None:
    ids = {client.get("/healthz")["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


def test_the_id_is_ours_whatever_the_request_claims(rf: RequestFactory) -> None:
    response = RequestId(answer)(rf.get("/", headers={"X-Request-ID": "forged"}))
    assert response["X-Request-ID"] != "forged"


def test_a_log_line_carries_the_id_of_its_request(rf: RequestFactory, caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []

    def log(request: HttpRequest) -> HttpResponse:
        lines.append(LineFormatter().format(logging.makeLogRecord({"msg": "seen"})))
        return HttpResponse()

    response = RequestId(log)(rf.get("/"))
    assert response["X-Request-ID"] in lines[0]


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x1b", "\u2028", "\x85"])
def test_what_a_stranger_wrote_stays_in_one_log_line(character: str) -> None:
    record = logging.makeLogRecord({"msg": f"name{character}2026-01-01 INFO forged"})
    line = LineFormatter().format(record)
    assert character not in line
    assert f"\\x{ord(character):02x}" in line


TOKEN = "pQ3-vT_9xX2"


@pytest.mark.parametrize(
    "line",
    [
        f"Forbidden (CSRF cookie not set.): /invitation/{TOKEN}/",
        f"Method Not Allowed (PUT): /setup/{TOKEN}/",
        f'"GET /accounts/password/reset/key/1-{TOKEN}/?x=1"',
        f"/accounts/login/?next=%2Finvitation%2F{TOKEN}%2F",
        f'"GET /yours/{TOKEN}/"',
        f'"GET /calendar/{TOKEN}.ics"',
    ],
)
def test_the_token_of_a_link_is_not_logged(line: str) -> None:
    logged = LineFormatter().format(logging.makeLogRecord({"msg": line}))
    assert TOKEN not in logged
    assert "***" in logged


def test_the_access_log_names_the_address_without_its_token(rf: RequestFactory) -> None:
    request = rf.get(f"/invitation/{TOKEN}/?page=2")
    RequestId(answer)(request)
    assert request.META["CERTDASH_REQUEST_LINE"] == "GET /invitation/***/?page=2"
    # gunicorn's "r", "U" and "f" are the address as it came.
    assert re.findall(r"%\((.*?)\)", ACCESS) == ["h", "{x-request-id}o", "{certdash_request_line}e", "s", "b", "M"]


@pytest.mark.parametrize("length", ["", "0", "10"])
def test_a_body_within_the_cap_is_let_through(rf: RequestFactory, settings: Settings, length: str) -> None:
    settings.UPLOAD_CAP = 10
    assert UploadCap(answer)(rf.post("/", CONTENT_LENGTH=length)).content == b"reached"


@pytest.mark.django_db
@pytest.mark.parametrize("length", ["11", "99999999999999", "-1", "1e3", "²"])
def test_a_body_over_the_cap_is_refused_unread(rf: RequestFactory, settings: Settings, length: str) -> None:
    settings.UPLOAD_CAP = 10
    assert UploadCap(answer)(rf.post("/", CONTENT_LENGTH=length)).status_code == 413


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "left"), [(50, 0), (51, 51)], ids=["somewhat", "far"])
def test_a_body_that_is_somewhat_too_large_is_taken_from_the_wire(
    rf: RequestFactory, settings: Settings, size: int, left: int
) -> None:
    """A browser that cannot send all shows that the connection broke, and not the page that says why."""
    settings.UPLOAD_CAP = 10
    request = rf.post("/", bytes(size), content_type="application/octet-stream")
    assert b"too large" in UploadCap(answer)(request).content
    assert len(request.read()) == left


def test_a_body_without_a_length_is_refused(rf: RequestFactory) -> None:
    response = UploadCap(answer)(rf.post("/", headers={"Transfer-Encoding": "chunked"}, CONTENT_LENGTH=""))
    assert (response.status_code, b"Content-Length" in response.content) == (411, True)


def test_htmx_is_told_to_load_a_redirect_as_a_page(rf: RequestFactory) -> None:
    def elsewhere(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=302, headers={"Location": "/accounts/login/"})

    told = HtmxRedirect(elsewhere)(rf.get("/", headers={"HX-Request": "true"}))
    assert (told.status_code, told["HX-Redirect"], "Location" in told) == (204, "/accounts/login/", False)
    assert HtmxRedirect(elsewhere)(rf.get("/"))["Location"] == "/accounts/login/"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"headers": {"Host": "evil.example"}}, "django.security.DisallowedHost"),
        ({"data": {str(number): "" for number in range(20)}}, "django.security.TooManyFieldsSent"),
    ],
)
def test_what_is_refused_is_a_warning_of_one_line(
    sent: dict[str, Any], told: str, client: Client, settings: Settings, db: None
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Refusals())
    handler.setFormatter(LineFormatter())
    logging.getLogger().addHandler(handler)
    try:
        assert client.post("/accounts/login/", **sent).status_code == 400
    finally:
        logging.getLogger().removeHandler(handler)
    (line,) = [line for line in stream.getvalue().splitlines() if told in line]
    assert " WARNING " in line
    assert "Traceback" not in stream.getvalue()
