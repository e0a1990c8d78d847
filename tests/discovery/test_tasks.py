"""What the queue calls by name."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule, Task
from pytest_django import Settings

from accounts.models import TickRun
from discovery import services, tasks
from discovery.models import Candidate, Scan, Source
from discovery.services import Ask, default_zone, start_scan
from discovery.services.queue import RUN_SHARD
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.discovery.servers import closed_port

pytestmark = pytest.mark.django_db


def test_the_shard_task_runs_one_shard() -> None:
    permit("127.0.0.0/8", actor=None, now=NOW, allows_special=True)
    scan = start_scan(Ask(f"127.0.0.1:{closed_port()}"), actor=None, now=NOW)
    import_string(RUN_SHARD)(scan.shards.get().pk)
    scan.refresh_from_db()
    assert (scan.status, scan.refused) == ("done", 1)


def test_a_tick_is_noted() -> None:
    tasks.tick()
    run = TickRun.objects.get(name="discovery")
    assert run.finished_at
    assert run.error == ""


def test_one_source_that_breaks_does_not_stop_the_others_and_is_told(now: object) -> None:
    permit("192.0.2.0/24", actor=None, now=NOW)
    for name in ("broken", "whole"):
        Source.objects.create(
            name=name, kind="network", targets="192.0.2.1", zone=default_zone(), created_at=NOW, next_run_at=NOW
        )
    run_source = services.run_source

    def breaking(source: Source, at: object) -> object:
        if source.name == "broken":
            raise RuntimeError("it broke")
        return run_source(source, at)  # type: ignore[arg-type]

    with patch("discovery.services.ticking.run_source", breaking), pytest.raises(tasks.TickError):
        tasks.tick()
    assert [scan.title for scan in Scan.objects.all()] == ["whole"]
    assert "it broke" in TickRun.objects.get(name="discovery").error


def test_ticks_are_scheduled_once_and_follow_the_settings(settings: Settings) -> None:
    call_command("schedule_ticks")
    call_command("schedule_ticks")
    assert sorted(Schedule.objects.values_list("name", flat=True)) == sorted(name for name, *_ in settings.TICKS)
    Schedule.objects.create(name="mine", func="os.getpid", schedule_type=Schedule.ONCE)
    settings.TICKS = [("discovery", "discovery.tasks.tick", 5)]
    call_command("schedule_ticks")
    assert dict(Schedule.objects.values_list("name", "minutes")) == {"discovery": 5, "mine": None}


def test_every_tick_and_reader_of_discovery_exists() -> None:
    assert callable(import_string("discovery.tasks.tick"))
    assert callable(import_string("inventory.tasks.recount"))


def test_what_nobody_needs_any_more_is_forgotten_by_the_clock(settings: Settings) -> None:
    old = timezone.now() - services.CANDIDATES_KEPT - timedelta(minutes=1)
    for age, success in ((20, False), (40, False), (40, True)):
        at = timezone.now() - timedelta(days=age)
        Task.objects.create(
            id=f"{age}{success}", name="tick", func="x", args=(), kwargs={}, started=at, stopped=at, success=success
        )
    Candidate.objects.create(address=bytes(16), port=1, reason="not_tls", first_seen_at=old, last_seen_at=old)
    (path,) = (path for name, path, _minutes in settings.TICKS if name == "tidy")
    import_string(path)()
    assert not Candidate.objects.exists()
    assert set(Task.objects.values_list("id", flat=True)) == {"20False", "40True"}
    assert TickRun.objects.get(name="tidy").finished_at
