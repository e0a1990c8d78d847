"""/healthz tells that the process answers, /readyz that the work can be done, and error pages name the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import TickRun
from certdash import health
from certdash.lib.work import WorkStatus
from discovery.models import Scan, ScanShard
from discovery.services import default_zone


def beat(at: datetime | None, zone: str = "default") -> None:
    TickRun.objects.create(name="heartbeat", zone=zone, started_at=at or timezone.now(), finished_at=at)


def test_healthz_asks_nothing_of_the_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "up"}


@pytest.mark.django_db
def test_an_installation_whose_worker_beats_is_ready(client: Client) -> None:
    beat(timezone.now())
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "reasons": {}})


@pytest.mark.django_db
def test_neither_may_be_kept_by_a_cache(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.django_db
def test_without_a_worker_it_is_not_ready(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()["reasons"]) == (503, {"worker": "no worker has run yet"})


@pytest.mark.django_db
def test_a_heartbeat_that_never_finished_is_none(now: datetime) -> None:
    beat(None)
    assert health.reasons_against(now) == {"worker": "no worker has run yet"}


@pytest.mark.django_db
def test_an_old_heartbeat_is_told_with_its_age(now: datetime) -> None:
    beat(now - timedelta(seconds=200))
    assert health.reasons_against(now) == {"worker": "the last sign of a worker is 200 seconds old"}


def sign(at: datetime) -> None:
    TickRun.objects.create(name=health.SIGN, started_at=at, finished_at=at)


def at_work(now: datetime, claim_until: datetime) -> None:
    scan = Scan.objects.create(title="long", zone=default_zone(), created_at=now)
    ScanShard.objects.create(
        scan=scan, number=0, created_at=now, status=WorkStatus.RUNNING, claim_until=claim_until, total=1
    )


@pytest.mark.django_db
def test_a_worker_that_its_supervisor_no_longer_sees_is_told_long_before_its_heartbeat_is_old(now: datetime) -> None:
    beat(now - timedelta(seconds=50))
    sign(now - timedelta(seconds=46))
    assert health.reasons_against(now) == {"worker": "no worker runs: the last sign of one is 46 seconds old"}


@pytest.mark.django_db
@pytest.mark.parametrize(("minutes", "said"), [(19, []), (21, ["worker"])])
def test_a_heartbeat_may_wait_behind_work_while_the_worker_runs(now: datetime, minutes: int, said: list[str]) -> None:
    beat(now - timedelta(minutes=minutes))
    sign(now)
    assert list(health.reasons_against(now)) == ["worker"]
    at_work(now, now + timedelta(seconds=5))
    assert list(health.reasons_against(now)) == said


@pytest.mark.django_db
def test_work_that_nobody_holds_excuses_no_late_heartbeat(now: datetime) -> None:
    beat(now - timedelta(minutes=4))
    sign(now)
    at_work(now, now - timedelta(seconds=5))
    assert list(health.reasons_against(now)) == ["worker"]


@pytest.mark.django_db
def test_a_worker_without_supervisor_is_known_by_heartbeats_younger_than_any_left_sign(now: datetime) -> None:
    sign(now - timedelta(days=1))
    beat(now - timedelta(minutes=2))
    assert health.reasons_against(now) == {}


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "said"), [(29, []), (31, ["worker"])])
def test_a_heartbeat_from_the_future_is_told(now: datetime, seconds: int, said: list[str]) -> None:
    beat(now + timedelta(seconds=seconds))
    reasons = health.reasons_against(now)
    assert list(reasons) == said
    assert all("in the future: the clock was changed" in reason for reason in reasons.values())


@pytest.mark.django_db
def test_one_zone_that_beats_is_enough(now: datetime) -> None:
    beat(now - timedelta(days=1))
    beat(None, "branch")
    beat(now, "lab")
    assert health.reasons_against(now) == {}


@pytest.mark.django_db
def test_a_migration_that_was_not_applied_is_told(now: datetime) -> None:
    beat(now)
    [newest] = MigrationLoader(connection).graph.leaf_nodes("reports")
    MigrationRecorder(connection).record_unapplied(*newest)
    assert "1 migrations are not applied" in health.reasons_against(now)["migrations"]


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_told_without_its_own_words(client: Client) -> None:
    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        raise OperationalError("connection to host db-17.internal as certdash refused")

    with connection.execute_wrapper(refuse):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["reasons"] == {"database": "the database does not answer"}


@pytest.mark.parametrize(("view", "status"), [(health.server_error, 500), (health.bad_request, 400)])
def test_the_pages_for_our_own_failures_ask_no_database(rf: RequestFactory, view: Any, status: int) -> None:
    request: HttpRequest = rf.get("/", CERTDASH_REQUEST_ID="0123456789abcdef")
    arguments = [ValueError("bad")] if status == 400 else []
    response = view(request, *arguments)
    assert response.status_code == status
    assert "0123456789abcdef" in response.content.decode()


@pytest.mark.django_db
def test_a_page_that_is_not_there_names_the_request(client: Client) -> None:
    response = client.get("/no-such-page")
    assert response.status_code == 404
    assert response["X-Request-ID"] in response.content.decode()


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_with_a_page(client: Client) -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@example.org"})
    assert response.status_code == 403
    assert response["X-Request-ID"] in response.content.decode()
