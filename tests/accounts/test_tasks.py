"""What runs by the clock leaves a record of having run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from pytest_django import Settings

from accounts.models import AuditEvent, SetupToken, TickRun
from accounts.services import audit, issue_setup_link, last_check, run_tick
from accounts.tasks import beat, verify_chain
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_a_run_is_recorded_from_start_to_end() -> None:
    with run_tick("policy", "dmz", NOW):
        assert TickRun.objects.get().finished_at is None
    row = TickRun.objects.get()
    assert (row.name, row.zone, row.started_at, row.error) == ("policy", "dmz", NOW, "")
    assert row.finished_at is not None
    assert NOW <= row.finished_at < NOW + timedelta(seconds=5)


def test_an_error_is_kept_and_passes_on_and_the_next_run_clears_it() -> None:
    with run_tick("policy", "default", NOW):
        pass
    finished = TickRun.objects.get().finished_at
    later = NOW + timedelta(hours=1)
    with pytest.raises(ZeroDivisionError), run_tick("policy", "default", later):
        _ = 1 / 0
    row = TickRun.objects.get()
    assert (row.started_at, row.finished_at) == (later, finished)
    assert row.error == "ZeroDivisionError: division by zero"
    with run_tick("policy", "default", later):
        pass
    assert TickRun.objects.get().error == ""


def test_the_heartbeat_beats_and_forgets_old_links() -> None:
    issue_setup_link(NOW - timedelta(days=60))
    with time_machine.travel(NOW, tick=False):
        beat()
    assert TickRun.objects.get(name="heartbeat").finished_at is not None
    assert not SetupToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_nightly_check_finds_what_was_changed(tmp_path: Path, settings: Settings) -> None:
    settings.AUDIT_HEADS = str(tmp_path / "heads.jsonl")
    cache.clear()
    with transaction.atomic():
        audit(None, "changed", "thing", now=NOW)
    verify_chain()
    check = last_check()
    assert check is not None
    assert (check.number, check.faults) == (1, ())
    AuditEvent.objects.update(verb="forged")
    verify_chain()
    check = last_check()
    assert check is not None
    assert check.faults[0].number == 1
