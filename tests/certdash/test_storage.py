"""A database that cannot be written is told with its reason, and never as a fault of ours or of the person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.utils import OperationalError, ProgrammingError
from django.test import Client
from django.utils import timezone

from accounts.models import Team, TickRun, User
from certdash import health
from certdash.lib.storage import why_not_written

pytestmark = pytest.mark.django_db


WRITES = ("INSERT", "UPDATE", "DELETE")


def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
    if sql.startswith(WRITES):
        raise OperationalError("attempt to write a readonly database")
    return execute(sql, params, many, context)


@pytest.fixture
def known(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    User.objects.filter(pk=administrator.pk).update(visited_at=timezone.now())
    return client


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/discovery/check/", {"place": "127.0.0.1:20475"}),
        ("/reports/new/", {"kind": "inventory", "filter": ""}),
        ("/discovery/networks/new/", {"network": "127.0.0.9", "allows_special": "on"}),
    ],
)
def test_a_change_is_refused_with_the_reason(known: Client, path: str, sent: dict[str, str]) -> None:
    owner = Team.objects.create(name="Platform")
    with connection.execute_wrapper(refuse):
        response = known.post(path, sent | {"owner_team": owner.pk})
    assert response.status_code == 503
    assert "it is read-only" in response.text
    assert "work in the background go on" not in response.text
    assert response["X-Request-ID"] in response.text


def test_an_export_that_cannot_be_noted_is_refused_with_the_reason(known: Client) -> None:
    with connection.execute_wrapper(refuse):
        response = known.get("/certificates/export.csv")
    assert (response.status_code, "it is read-only" in response.text) == (503, True)


@pytest.mark.django_db(transaction=True)
def test_reading_goes_on_when_a_visit_cannot_be_noted(operator: User) -> None:
    client = Client()
    client.force_login(operator)
    with connection.execute_wrapper(refuse):
        assert client.get("/certificates/").status_code == 200


def test_a_sign_in_is_not_called_one_attempt_too_many(operator: User) -> None:
    with connection.execute_wrapper(refuse):
        response = Client().post("/accounts/login/", {"login": operator.email, "password": "whatever it is"})
    assert response.status_code == 503
    assert "cannot be written" in response.text


def test_a_real_excess_is_still_one() -> None:
    cache.clear()
    client = Client()
    answers = [client.post("/accounts/password/reset/", {"email": "a@example.org"}) for _attempt in range(21)]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("database or disk is full", "full"),
        ("attempt to write a readonly database", "read-only"),
        ("disk I/O error", "failing"),
        ("unable to open database file", "failing"),
        ("database is locked", "busy"),
        ("no such table: x", ""),
    ],
)
def test_the_reason_is_known_by_what_sqlite_says(said: str, why: str) -> None:
    assert why_not_written(OperationalError(said)) == why
    wrapped = ValueError("other words")
    wrapped.__cause__ = OperationalError(said)
    assert why_not_written(wrapped) == why


def test_the_reason_is_known_by_the_state_that_postgresql_gives() -> None:
    error = OperationalError("could not extend file")
    error.__cause__ = type("DiskFull", (Exception,), {"sqlstate": "53100"})()
    assert why_not_written(error) == "full"
    assert why_not_written(ProgrammingError("syntax error")) == ""
    assert why_not_written(None) == ""


def test_readyz_tells_of_a_disk_without_room(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    TickRun.objects.create(name="heartbeat", started_at=timezone.now(), finished_at=timezone.now())
    assert client.get("/readyz").json()["reasons"] == {}
    monkeypatch.setattr(health, "LEAST_FREE", 1024**6)
    assert "MB free: what is found cannot be stored" in client.get("/readyz").json()["reasons"]["disk"]


def test_readyz_tells_of_a_folder_that_is_closed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert client.get("/readyz").json()["reasons"]["disk"].endswith("cannot be written to")
