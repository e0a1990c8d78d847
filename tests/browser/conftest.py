"""A real browser against a real server. A missing browser is a failure, not a skip."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.test.testcases import LiveServerThread
from django.utils import timezone
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from accounts.models import User
from lab import servers
from lab.manifest import Manifest
from tests.browser.desk import Desk
from tests.browser.estate import Estate, make_estate

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
KINDS = (
    "in_date",
    "expiring",
    "expired",
    "wrong_name",
    "incomplete_chain",
    "nodes",
    "self_signed",
    "early_close",
    "idn",
)
WIDE, NARROW, NARROWEST = 1360, 380, 320
HEIGHT = 900
SLOWEST = 15_000  # milliseconds that a page may take on a busy machine

OpenDesk = Callable[..., Desk]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="module")
def database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """One database for all journeys of a module: what the server's threads write is seen here, and is gone after."""
    # Playwright's loop runs in this thread, so Django takes the thread for one that must not wait for a database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    heads = tmp_path_factory.mktemp("audit") / "heads.jsonl"
    with django_db_blocker.unblock(), override_settings(AUDIT_HEADS=str(heads)):
        _flush()
        yield
        _flush()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def _flush() -> None:
    name = Path(str(connection.settings_dict["NAME"])).name
    assert name.startswith("test"), f"{name} is no database of a test"
    call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def _django_db_helper(database: None) -> None:
    """Instead of pytest-django's, which empties the database after each test."""


class Unchanged(WSGIHandler):
    """What Django would put around the product to serve static files: nothing."""

    def __new__(cls, handler: WSGIHandler) -> WSGIHandler:  # type: ignore[misc]  # stands in for a wrapper
        return handler


@pytest.fixture(scope="module")
def base(database: None) -> Iterator[str]:
    """The address of the product. WhiteNoise serves the static files, as it does for people."""
    thread = LiveServerThread("127.0.0.1", Unchanged)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()


@pytest.fixture(scope="module")
def chromium(base: str) -> Iterator[Browser]:
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: apt-get install chromium"
    expect.set_options(timeout=SLOWEST)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def desk(chromium: Browser, base: str) -> Iterator[OpenDesk]:
    """Open watched tabs, each a browser of its own; at the end nothing may have gone wrong in any of them."""
    desks: list[Desk] = []

    def open_desk(person: User | None = None, width: int = WIDE) -> Desk:
        context = chromium.new_context(viewport={"width": width, "height": HEIGHT}, reduced_motion="reduce")
        context.set_default_timeout(SLOWEST)
        if person is not None:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": _session(person), "url": base}])
        desks.append(Desk(context.new_page(), base))
        return desks[-1]

    yield open_desk
    for one in desks:
        one.page.context.close()
    faults = [fault for one in desks for fault in one.faults]
    assert not faults, "\n".join(faults)


def _session(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture(scope="module")
def manifest() -> Iterator[Manifest]:
    """The lab's servers, kept by a thread: in this one Playwright's loop may run already."""
    started: Queue[Manifest] = Queue()
    stop = threading.Event()

    def keep() -> None:
        with servers.running(kinds=KINDS, now=timezone.now()) as running:
            started.put(running)
            stop.wait()

    thread = threading.Thread(target=keep, name="keeper of the lab")
    thread.start()
    yield started.get(timeout=60)
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def estate(database: None, manifest: Manifest) -> Estate:
    return make_estate(manifest, timezone.now())
