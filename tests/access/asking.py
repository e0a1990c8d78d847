"""Asking as each person, and what every answer must have, whoever asked for whatever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import Resolver404, resolve

from accounts.models import AuditEvent
from tests.access.answers import PEOPLE, Answers
from tests.access.table import ROUTES
from tests.access.world import WORDS, World

TOKEN = "A" * 43
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
# Whose things a person may be told about. Auditors and administrators see everything.
SEES = {
    "anonymous": set(),
    "viewer": {"web", "nobody"},
    "operator": {"web", "nobody"},
    "stranger": {"payments", "nobody"},
    "auditor": set(WORDS),
    "administrator": set(WORDS),
}
_ADDRESS = re.compile(rb"""(?:href|action|hx-get|hx-post|src)=["'](/[^"'#]*)""")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    response: HttpResponseBase
    # How many audit events it left.
    events: int

    @property
    def location(self) -> str:
        return str(self.response.headers.get("Location", ""))

    @property
    def word(self) -> str:
        """The answer in the words of the table."""
        if self.status not in {301, 302, 303}:
            return str(self.status)
        return "sign-in" if self.location.startswith("/accounts/login/") else "done"


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside did not happen afterwards: each question finds the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Asker:
    """A signed-in browser for each person."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients = {person: Client(raise_request_exception=False) for person in PEOPLE}
        for person, user in world.people.items():
            self.clients[person].force_login(user)

    def ask(self, person: str, method: str, url: str, data: Any = None, **headers: str) -> Answer:
        client = self.clients[person]
        cookies = copy(client.cookies)
        with undone():
            before = AuditEvent.objects.count()
            send = getattr(client, method.lower())
            response: Any = send(url, data, headers=headers) if data is not None else send(url, headers=headers)
            streams = isinstance(response, StreamingHttpResponse)
            body = b"".join(response.streaming_content) if streams else response.content
            answer = Answer(response.status_code, body, response, AuditEvent.objects.count() - before)
        client.cookies = cookies
        return answer


def expected(answers: Answers | None, owner: str, person: str, *, is_open: bool) -> str:
    if answers is not None:
        return answers[owner].split()[PEOPLE.index(person)]
    return "405" if is_open or person != "anonymous" else "sign-in"


def faults(answer: Answer, person: str, world: World) -> Iterator[str]:
    """What is wrong with an answer wherever it comes from."""
    headers = answer.response.headers
    if answer.status >= 500:
        yield "is a server error"
    if set(str(headers.get("Content-Security-Policy", "")).split("; ")) != POLICY:
        yield f"has another Content-Security-Policy: {headers.get('Content-Security-Policy')}"
    if not re.fullmatch("[0-9a-f]{32}", headers.get("X-Request-ID", "")):
        yield "has no X-Request-ID"
    if headers.get("X-Content-Type-Options") != "nosniff" or headers.get("X-Frame-Options") != "DENY":
        yield "may be framed or sniffed"
    is_page = answer.status not in {301, 302, 303}
    if person != "anonymous" and is_page and "no-store" not in headers.get("Cache-Control", ""):
        yield "may be kept by the browser after signing out"
    yield from disclosures(answer, person, world)


def disclosures(answer: Answer, person: str, world: World) -> Iterator[str]:
    """Words of another team's things, and links to them."""
    told = answer.body + str(dict(answer.response.headers)).encode()
    for owner in WORDS.keys() - SEES[person]:
        if WORDS[owner].encode() in told:
            yield f"tells of {owner}: …{_around(told, WORDS[owner].encode())}…"
    for address in set(_ADDRESS.findall(answer.body)):
        thing, owner = _thing(address.decode(), world)
        if owner and owner not in SEES[person]:
            yield f"links to {thing} of {owner}: {address.decode()}"


def _around(told: bytes, word: bytes) -> str:
    at = told.index(word)
    return told[max(0, at - 60) : at + 60].decode(errors="replace").replace("\n", " ")


def _thing(address: str, world: World) -> tuple[str, str]:
    try:
        match = resolve(urlsplit(address).path)
    except Resolver404:
        return "", ""
    route = ROUTES.get(match.view_name)
    if route is None or "pk" not in match.kwargs or route.thing == "network":
        return "", ""
    return route.thing, world.owner_of(route.thing, match.kwargs["pk"])
