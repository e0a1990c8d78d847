"""kill -9 of a worker at any point: the report is made once, from data that was frozen once, or says why not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django_q.models import OrmQ

from accounts.models import AuditEvent, Organisation, Team, User
from certdash.lib import work
from certdash.lib.work import LEASE
from inventory.models import Certificate
from reports.models import Report
from reports.services import freeze_inventory, make_report, making, request_report, resume_reports
from reports.tasks import tick
from tests.reports.dying_worker import POINTS
from tests.reports.estate import make_estate

pytestmark = pytest.mark.django_db(transaction=True)


def clock() -> datetime:
    return datetime.now(UTC)


def later() -> datetime:
    """After the dead worker's lease."""
    return clock() + LEASE + timedelta(seconds=5)


@pytest.fixture
def report(organisation: Organisation, web_team: Team, operator: User) -> Report:
    make_estate(web_team, None, number=5)
    return request_report(operator, "", clock())


def die(report: Report, point: str) -> None:
    env = os.environ | {"CERTDASH_DATABASE_URL": _database()}
    command = [sys.executable, "-m", "tests.reports.dying_worker", str(report.pk), point]
    ended = subprocess.run(command, env=env, cwd=settings.BASE_DIR, timeout=60, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _database() -> str:
    name = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(name['NAME']).resolve()}"
    return f"postgres://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"


def go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next tick and the next worker do; the row of the dead worker's task is gone from the queue."""
    monkeypatch.setattr(making, "_render", lambda *_: b"%PDF-1.7 made")
    monkeypatch.setattr("reports.tasks.timezone.now", later)
    OrmQ.objects.all().delete()
    tick()
    for task in OrmQ.objects.all():
        make_report(task.task["args"][0], "successor", later)


@pytest.mark.parametrize("point", POINTS)
def test_the_report_of_a_killed_worker_is_made(point: str, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    die(report, point)
    report.refresh_from_db()
    before = bytes(report.data or b"")
    Certificate.objects.update(application="changed since")
    go_on(monkeypatch)
    report.refresh_from_db()
    assert (report.status, report.error, bytes(report.pdf or b"")) == ("done", "", b"%PDF-1.7 made")
    assert report.attempts == (1 if point == "kept" else 2)
    assert bytes(report.data or b"") == (before or bytes(report.data or b"")), "frozen once"
    assert report.teams.count() == report.teams_shown == 1
    assert AuditEvent.objects.filter(verb="report.made").count() == 1
    assert not OrmQ.objects.filter(lock=None).exists()


def test_a_report_that_kills_each_worker_ends_with_a_sentence(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    die(report, "claimed")
    Report.objects.update(attempts=making.MOST_ATTEMPTS)
    go_on(monkeypatch)
    report.refresh_from_db()
    assert report.status == "failed"
    assert report.error.startswith("Given up after 3 attempts: each time the worker that made it was ended.")


def test_reading_that_takes_longer_than_the_lease_keeps_its_claim(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = time.monotonic()
    handed_over: list[int] = []

    def quick_clock() -> datetime:
        """A minute passes in a second."""
        return report.created_at + 60 * timedelta(seconds=time.monotonic() - started)

    def slowly(*args: Any) -> dict[str, Any]:
        time.sleep(2.5)
        with ThreadPoolExecutor() as others:
            handed_over.append(others.submit(elsewhere, quick_clock).result())
        return freeze_inventory(*args)

    monkeypatch.setattr(work, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(making, "_render", lambda *_: b"%PDF-1.7 made")
    monkeypatch.setattr(making, "freeze_inventory", slowly)
    make_report(report.pk, "slow", quick_clock)
    report.refresh_from_db()
    assert handed_over == [0]
    assert (report.status, report.attempts) == ("done", 1)
    assert report.taken_at is not None
    assert report.finished_at is not None
    assert report.finished_at > report.taken_at + 2 * LEASE


def elsewhere(now: Callable[[], datetime]) -> int:
    """The tick of another process, with a connection of its own."""
    try:
        return resume_reports(now())
    finally:
        connection.close()
