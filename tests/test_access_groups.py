"""The pages that come with django-allauth and the Django admin: who gets in, and what every answer must have."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse
from pytest_django import DjangoDbBlocker

from tests.access.answers import PEOPLE
from tests.access.asking import Asker, faults
from tests.access.table import OPEN_ACCOUNT_ROUTES, OWN_ACCOUNT_ROUTES
from tests.access.world import World, as_now, standing_world

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OTHERS = [person for person in PEOPLE if person != "administrator"]
# Facts are shown in the administration, never changed by hand.
FACTS = ("certificate", "endpoint", "issuer")


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
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


def account_address(name: str) -> str:
    """Old addresses without a name stand for themselves; links of mails and devices carry what opens nothing."""
    for args in ([], ["x"], ["1", "x-y"], [1]):
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            continue
    return f"/accounts/{name}"


@pytest.mark.parametrize("name", sorted(OWN_ACCOUNT_ROUTES | OPEN_ACCOUNT_ROUTES))
def test_account_pages_let_in_whom_the_table_says(name: str, world: World, asker: Asker) -> None:
    found = []
    for person in PEOPLE:
        for method in METHODS:
            answer = asker.ask(person, method, account_address(name))
            found += [f"{method} by {person}: {fault}" for fault in faults(answer, person, world)]
            closed = name in OWN_ACCOUNT_ROUTES and not name.startswith("social/")
            if person == "anonymous" and closed and answer.word not in {"sign-in", "405"}:
                found.append(f"{method} by {person}: {answer.word} {answer.location}")
    assert not found, "\n".join(found)


def admin_patterns() -> Iterator[tuple[str, URLPattern]]:
    for entry in admin.site.get_urls():
        yield from ((f"admin:{one.name}", one) for one in getattr(entry, "url_patterns", [entry]) if one.name)


def admin_address(name: str, world: World) -> str:
    model = name.removeprefix("admin:").split("_")
    key = str(world.things["web"].get(model[1], 1)) if len(model) > 2 else "1"
    for args in ([], [key], ["accounts"], [1, key]):
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            continue
    raise NoReverseMatch(name)


ADMIN_NAMES = sorted({name for name, _entry in admin_patterns()})


@pytest.mark.parametrize("person", OTHERS)
def test_the_administration_is_for_administrators(person: str, world: World, asker: Asker) -> None:
    assert len(ADMIN_NAMES) > 30
    found = []
    for name in ADMIN_NAMES:
        for method in METHODS:
            answer = asker.ask(person, method, admin_address(name, world))
            found += [f"{method} {name}: {fault}" for fault in faults(answer, person, world)]
            # Its sign-out leads to its index, which leads to the sign-in page.
            is_refused = answer.status in {403, 405} or "/login/" in answer.location or name == "admin:logout"
            if not is_refused or answer.events:
                found.append(f"{method} {name}: {answer.word} {answer.location}")
    assert not found, "\n".join(found)
    if person != "anonymous":
        assert asker.ask(person, "GET", reverse("admin:login")).status == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_administrators_get_every_page_of_the_administration(method: str, world: World, asker: Asker) -> None:
    found = []
    for name in ADMIN_NAMES:
        answer = asker.ask("administrator", method, admin_address(name, world))
        found += [f"{name}: {fault}" for fault in faults(answer, "administrator", world)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("model", FACTS)
def test_facts_are_not_changed_in_the_administration(model: str, world: World, asker: Asker) -> None:
    pk = world.things["web"][model]
    for action, args in (("add", []), ("change", [pk]), ("delete", [pk])):
        answer = asker.ask(
            "administrator", "POST", reverse(f"admin:inventory_{model}_{action}", args=args), {"post": "yes"}
        )
        assert answer.status == 403, action
        assert answer.events == 0


def test_no_part_of_the_address_space_is_forgotten() -> None:
    """A third group of pages would be in no table."""
    prefixes = {str(entry.pattern) for entry in get_resolver().url_patterns if not isinstance(entry, URLPattern)}
    assert prefixes == {"", "accounts/", "admin/"}
