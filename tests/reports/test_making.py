"""A report's way: claimed once, frozen once, laid out in a child that may die, never left waiting without a word."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django_q.models import OrmQ

from accounts.models import AuditEvent, Organisation, Team, User
from certdash.lib.work import LEASE, WorkStatus
from inventory.models import Certificate
from reports.models import Report
from reports.services import freeze_inventory, make_report, making, request_report, resume_reports, thaw
from tests.conftest import NOW
from tests.reports.estate import make_estate

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def clock() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def estate(organisation: Organisation, web_team: Team) -> None:
    make_estate(web_team, None, number=5)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lay out nothing: note which report would have been."""
    asked: list[int] = []

    def render(report: Report, _clock: object) -> bytes:
        asked.append(report.pk)
        return b"%PDF-1.7 made"

    monkeypatch.setattr(making, "_render", render)
    return asked


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a shell script stand for the process that lays out."""

    def become(script: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr("reports.services.making.sys.executable", str(program))

    return become


def made(user: User, query: str = "") -> Report:
    report = request_report(user, query, NOW)
    make_report(report.pk, "test", clock)
    report.refresh_from_db()
    return report


def test_a_wish_is_written_noted_and_handed_to_the_workers(operator: User) -> None:
    report = request_report(operator, "status=expired", NOW)
    assert (report.status, report.requested_by, report.filter) == (WorkStatus.QUEUED, operator, "status=expired")
    assert [task.task["func"] for task in OrmQ.objects.all()] == ["reports.tasks.make"]
    assert AuditEvent.objects.get(verb="report.requested").after["filter"] == "status=expired"


def test_a_wish_that_is_not_understood_leaves_nothing(operator: User) -> None:
    with pytest.raises(ValueError, match="lost"):
        request_report(operator, "status=lost", NOW)
    assert not Report.objects.exists()
    assert not OrmQ.objects.exists()


@pytest.mark.usefixtures("printed")
def test_data_and_document_are_kept_with_their_hashes(operator: User) -> None:
    report = made(operator)
    data = gzip.decompress(bytes(report.data or b""))
    assert (report.status, report.done, report.taken_at, report.finished_at) == (WorkStatus.DONE, 3, NOW, NOW)
    assert report.data_sha256 == hashlib.sha256(data).hexdigest()
    assert report.pdf_sha256 == hashlib.sha256(bytes(report.pdf or b"")).hexdigest()
    assert report.pdf_size == len(report.pdf or b"")
    event = AuditEvent.objects.get(verb="report.made")
    assert event.after == {"data_sha256": report.data_sha256, "pdf_sha256": report.pdf_sha256}


def test_a_finished_report_is_not_made_again(operator: User, printed: list[int]) -> None:
    report = made(operator)
    before = Report.objects.values().get()
    make_report(report.pk, "another", clock)
    assert printed == [report.pk]
    assert Report.objects.values().get() == before


def test_a_report_that_somebody_makes_is_left_to_them(operator: User, printed: list[int]) -> None:
    report = request_report(operator, "", NOW)
    assert report.claim("first", NOW)
    make_report(report.pk, "second", clock)
    assert printed == []
    assert Report.objects.get().claimed_by == "first"


def test_the_successor_of_a_dead_worker_lays_out_the_data_that_was_frozen(operator: User, printed: list[int]) -> None:
    report = made(operator)
    frozen = thaw(bytes(report.data or b""))
    lost: dict[str, Any] = {"status": WorkStatus.RUNNING, "pdf": None, "claim_until": NOW - MINUTE, "done": 1}
    Report.objects.update(**lost)
    Certificate.objects.update(name="changed.example.org")
    assert resume_reports(NOW) == 1
    make_report(report.pk, "successor", lambda: NOW + MINUTE)
    report.refresh_from_db()
    assert printed == [report.pk, report.pk]
    assert (report.status, report.attempts, report.taken_at) == (WorkStatus.DONE, 2, NOW)
    assert thaw(bytes(report.data or b"")) == frozen


def test_a_report_that_kills_every_worker_is_given_up(operator: User, printed: list[int]) -> None:
    request_report(operator, "", NOW)
    Report.objects.update(status=WorkStatus.RUNNING, attempts=3, claim_until=NOW - MINUTE)
    assert resume_reports(NOW) == 1
    report = Report.objects.get()
    make_report(report.pk, "fourth", clock)
    report.refresh_from_db()
    assert (report.status, report.finished_at) == (WorkStatus.FAILED, NOW)
    assert report.error.startswith("Given up after 3 attempts")
    assert printed == []


def test_a_report_whose_task_was_lost_is_handed_over_again_once_in_a_while(operator: User) -> None:
    report = request_report(operator, "", NOW)
    OrmQ.objects.all().delete()
    assert resume_reports(NOW) == 0, "it may still be on its way"
    later = NOW + LEASE + MINUTE
    assert [resume_reports(later), resume_reports(later)] == [1, 0]
    assert [(task.func(), *task.task["args"]) for task in OrmQ.objects.all()] == [("reports.tasks.make", report.pk)]
    assert Report.objects.get().attempts == 0


def test_what_is_worked_on_or_has_ended_is_not_handed_over(operator: User) -> None:
    for status in (WorkStatus.RUNNING, WorkStatus.DONE, WorkStatus.FAILED, WorkStatus.CANCELLED):
        report = request_report(operator, "", NOW)
        until = NOW + MINUTE if status == WorkStatus.RUNNING else None
        Report.objects.filter(pk=report.pk).update(status=status, claim_until=until)
    OrmQ.objects.all().delete()
    assert resume_reports(NOW) == 0
    assert not OrmQ.objects.exists()


def test_a_task_without_its_report_does_nothing(db: None) -> None:
    make_report(4711, "test", clock)


def test_a_worker_that_lost_its_claim_writes_nothing(
    operator: User, printed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = request_report(operator, "", NOW)

    def slowly(*args: Any) -> dict[str, Any]:
        frozen = freeze_inventory(*args)
        assert Report.objects.get().claim("successor", NOW + 2 * MINUTE)
        return frozen

    monkeypatch.setattr(making, "freeze_inventory", slowly)
    make_report(report.pk, "slow", clock)
    report.refresh_from_db()
    assert (report.status, report.claimed_by, report.data, report.error) == (WorkStatus.RUNNING, "successor", None, "")
    assert printed == []


@pytest.mark.parametrize("gone", ["removed", "inactive", "ended"])
def test_nobody_gets_an_empty_report_in_the_name_of_somebody_who_left(
    gone: str, operator: User, printed: list[int]
) -> None:
    report = request_report(operator, "", NOW)
    if gone == "removed":
        operator.delete()
    else:
        changes: dict[str, dict[str, Any]] = {"inactive": {"is_active": False}, "ended": {"ends_at": NOW - MINUTE}}
        User.objects.filter(pk=operator.pk).update(**changes[gone])
    make_report(report.pk, "test", clock)
    report.refresh_from_db()
    assert (report.status, report.data) == (WorkStatus.FAILED, None)
    assert "no longer here" in report.error
    assert printed == []


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("kill -9 $$", "its process was ended by signal 9."),
        ("echo first >&2; echo 'the last line' >&2; exit 1", "the last line"),
        ("exit 3", "no reason was given"),
    ],
)
def test_a_child_that_fails_is_told_with_its_reason(
    script: str, why: str, operator: User, child: Callable[[str], None]
) -> None:
    child(script)
    report = made(operator)
    assert (report.status, report.error) == (WorkStatus.FAILED, f"The document could not be laid out: {why}")
    assert report.pdf is None
    assert not AuditEvent.objects.filter(verb="report.made").exists()


def test_a_child_that_takes_too_long_is_ended(
    operator: User, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    child("exec sleep 60")
    monkeypatch.setattr(making, "BEAT_EVERY", 1)
    monkeypatch.setattr(making, "MOST_SECONDS", 2)
    assert made(operator).error == "The document was not ready after 2 seconds."


def test_a_child_whose_report_was_taken_over_is_ended(
    operator: User, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    child("exec sleep 60")
    monkeypatch.setattr(making, "BEAT_EVERY", 1)
    report = request_report(operator, "", NOW)
    ticks = iter(range(100))

    def late() -> datetime:
        if next(ticks) == 3:
            Report.objects.update(attempts=2, claimed_by="successor")
        return NOW

    make_report(report.pk, "slow", late)
    report.refresh_from_db()
    assert (report.status, report.claimed_by, report.pdf) == (WorkStatus.RUNNING, "successor", None)


def test_a_real_child_lays_out_a_real_document(operator: User) -> None:
    report = made(operator, "team=web")
    assert report.error == ""
    assert bytes(report.pdf or b"").startswith(b"%PDF-1.7")
    assert report.pdf_size > 10_000
