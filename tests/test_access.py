"""Every address × method × person × owner against the reviewed table of ``tests.access.table``."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from tests.access.answers import OWNERS, PEOPLE, SEEN, SEEN_IF_OWNED, Answers, Route
from tests.access.asking import TOKEN, Answer, Asker, expected, faults
from tests.access.payloads import payload
from tests.access.routes import account_routes, product_routes
from tests.access.table import OPEN_ACCOUNT_ROUTES, OWN_ACCOUNT_ROUTES, ROUTES
from tests.access.world import World, as_now, standing_world

pytestmark = pytest.mark.django_db

TAKEN = ("GET", "HEAD", "POST")
NEVER_TAKEN = ("PUT", "PATCH", "DELETE", "OPTIONS")
# Nothing is changed: the endpoint is in service, and looking at the chain is not an act.
WITHOUT_EVENT = {
    # Leads on to the comparison, and changes nothing.
    "inventory:certificate_compare",
    # No file of the walked import waits for a password.
    "inventory:import_open",
    "inventory:certificate_restore",
    "inventory:endpoint_restore",
    "accounts:audit_verify",
    "accounts:setup_administrator",
}
POSTS = [name for name, route in ROUTES.items() if route.post]
FRAGMENTS = [name for name, route in ROUTES.items() if route.fragment]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Each refusal is a line in the log; thousands of them would hide what failed."""
    caplog.set_level(logging.CRITICAL, "django.request")


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock(), standing_world() as world:
        yield world


@pytest.fixture
def world(standing: World, db: None) -> World:
    return as_now(standing)


@pytest.fixture
def asker(world: World) -> Asker:
    return Asker(world)


def address(name: str, world: World, owner: str = "web") -> str:
    thing = ROUTES[name].thing
    if thing == "token":
        return reverse(name, args=[TOKEN])
    if thing == "form":
        return reverse(name, args=["csv" if owner == "web" else "json"])
    return reverse(name, args=[world.things[owner][thing]] if thing else [])


def test_every_address_is_in_the_table() -> None:
    missing = product_routes() - ROUTES.keys()
    assert not missing, f"Say in tests/access/table.py who gets which answer from {sorted(missing)}."
    gone = ROUTES.keys() - product_routes()
    assert not gone, f"Take these out of tests/access/table.py: {sorted(gone)}."


def test_every_address_of_allauth_is_in_the_table() -> None:
    missing = account_routes() - OPEN_ACCOUNT_ROUTES - OWN_ACCOUNT_ROUTES
    assert not missing, f"Say in tests/access/table.py whether these are open to anybody: {sorted(missing)}."


@pytest.mark.parametrize("name", ROUTES)
def test_everybody_gets_the_answer_of_the_table(name: str, world: World, asker: Asker) -> None:
    found = [
        f"{method} {address(name, world, owner)} by {person}, owned by {owner}: {fault}"
        for owner in (OWNERS if ROUTES[name].thing else OWNERS[:1])
        for method in (*TAKEN, *NEVER_TAKEN)
        if method in TAKEN or owner == OWNERS[0]
        for person in PEOPLE
        for fault in _faults(name, method, person, owner, asker)
    ]
    assert not found, "\n".join(found)


def _faults(name: str, method: str, person: str, owner: str, asker: Asker) -> Iterator[str]:
    route, world = ROUTES[name], asker.world
    data = payload(name, world, owner, person) if method == "POST" else None
    answer = asker.ask(person, method, address(name, world, owner), data)
    wanted = expected(_answers(route, method), owner, person, is_open=route.is_open)
    if answer.word != wanted:
        yield f"{answer.word} {answer.location} instead of {wanted}"
    if method == "POST":
        yield from _trace_faults(name, answer)
    yield from faults(answer, person, world)


def _answers(route: Route, method: str) -> Answers | None:
    return {"GET": route.get, "HEAD": route.get, "POST": route.post}.get(method)


def _trace_faults(name: str, answer: Answer) -> Iterator[str]:
    if answer.word == "done" and not answer.events and name not in WITHOUT_EVENT:
        yield "changed something without an audit event"
    if answer.word != "done" and answer.events:
        yield "was refused and left an audit event"


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.get == SEEN])
def test_unowned_things_can_be_hidden(name: str, world: World, asker: Asker, settings: Settings) -> None:
    settings.HIDE_UNOWNED = True
    given = {person: asker.ask(person, "GET", address(name, world, "nobody")).word for person in PEOPLE}
    assert given == dict(zip(PEOPLE, SEEN_IF_OWNED["nobody"].split(), strict=True))


@pytest.mark.parametrize("name", FRAGMENTS)
def test_an_address_gives_browsers_the_page_and_htmx_the_part(name: str, world: World, asker: Asker) -> None:
    url = address(name, world)
    page = asker.ask("administrator", "GET", url)
    part = asker.ask("administrator", "GET", url, **{"HX-Request": "true"})
    back = asker.ask("administrator", "GET", url, **{"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert [b"<html" in answer.body for answer in (page, part, back)] == [True, False, True]
    assert part.body.strip()
    for answer in (page, part, back):
        assert "HX-Request" in answer.response.headers["Vary"]


def test_htmx_is_led_to_the_sign_in_page_as_a_page(world: World, asker: Asker) -> None:
    for name in FRAGMENTS:
        answer = asker.ask("anonymous", "GET", address(name, world), **{"HX-Request": "true"})
        assert answer.status == 204
        assert str(answer.response.headers["HX-Redirect"]).startswith("/accounts/login/")


@pytest.mark.parametrize("name", POSTS)
def test_a_change_needs_the_token_of_its_own_form(name: str, world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(email="ada@example.org"))
    assert client.post(address(name, world), payload(name, world, "web", "administrator")).status_code == 403


def test_addresses_that_do_not_exist_tell_strangers_nothing(world: World, asker: Asker) -> None:
    for person in PEOPLE:
        answer = asker.ask(person, "GET", "/nothing/here/")
        assert answer.status == 404
        assert list(faults(answer, person, world)) == []


def test_things_that_do_not_exist_answer_as_those_that_are_hidden(world: World, asker: Asker) -> None:
    for name, route in ROUTES.items():
        if route.get == SEEN:
            hidden = asker.ask("viewer", "GET", address(name, world, "payments"))
            nothing = asker.ask("viewer", "GET", reverse(name, args=[999_999]))
            assert (hidden.status, len(hidden.body)) == (nothing.status, len(nothing.body)), name


def test_the_walk_would_notice_another_team(world: World, asker: Asker) -> None:
    """Judge an administrator's answers as a viewer's: words and links of the other team must be found."""
    answer = asker.ask("administrator", "GET", reverse("inventory:certificate_list"))
    told = " ".join(faults(answer, "viewer", world))
    assert "tells of payments" in told
    assert "links to certificate of payments" in told
