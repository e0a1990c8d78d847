"""What lies outside the machine: the mail server, and a clock that is not ours."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import get_connection

from certdash.management.examinations.answers import Answer, Examination, bad, good, not_judged

CLOCK_AT_MOST = timedelta(seconds=30)
TIMEOUT = 10


def mail(now: datetime) -> Answer:
    if not settings.EMAIL_HOST:
        return not_judged("mail", f"CERTDASH_EMAIL_HOST is not set; messages are kept in {settings.EMAIL_FILE_PATH}")
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    connection = get_connection()
    try:
        connection.open()
        connection.close()
    except OSError as error:
        return bad("mail", f"{where}: {error}")
    return good("mail", f"{where} takes mail")


def clock(now: datetime) -> Answer:
    """Every status is computed from our clock, so a wrong one is wrong about every certificate."""
    if not settings.CLOCK_URL:
        return not_judged("clock", "CERTDASH_CLOCK_URL names no web server to compare with")
    try:
        theirs = date_of(settings.CLOCK_URL)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return not_judged("clock", f"{settings.CLOCK_URL} told no time: {error}")
    # Not `now`: the examinations before this one took seconds.
    apart = abs(datetime.now(UTC) - theirs)
    text = f"{apart.total_seconds():.0f} s from {urlsplit(settings.CLOCK_URL).hostname}"
    return good("clock", text) if apart <= CLOCK_AT_MOST else bad("clock", f"{text}: is time synchronised?")


def date_of(url: str) -> datetime:
    """The Date header (RFC 9110, section 6.6.1) of an answer, which has a resolution of one second."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the address is not http:// or https://")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT)
    try:
        connection.request("HEAD", parts.path or "/")
        return parsedate_to_datetime(connection.getresponse().headers["Date"] or "")
    finally:
        connection.close()


OUTSIDE: list[Examination] = [mail, clock]
