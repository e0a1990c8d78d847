"""The tick of policy: one at a time, and out of the way of a person who waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import TickRun, User
from accounts.services import TURN
from discovery.models import ScanShard
from discovery.services import check_now
from inventory.models import Certificate
from policy import tasks
from tests.discovery.permitting import permit
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db


def begin(ago: timedelta) -> None:
    TickRun.objects.create(name="policy", zone="default", started_at=timezone.now() - ago)


def plant() -> None:
    make_certificate("www.example.org", judge_at=timezone.now())


def is_judged() -> bool:
    return Certificate.objects.get().judged_at is not None


def queued() -> list[str]:
    return [task.func() for task in OrmQ.objects.all()]


def test_a_tick_judges_what_is_due_and_the_next_one_may_follow_at_once() -> None:
    plant()
    tasks.tick()
    assert is_judged()
    Certificate.objects.update(judged_at=None, judge_at=timezone.now())
    tasks.tick()
    assert is_judged()


def test_while_one_tick_judges_another_leaves_the_worker_free() -> None:
    plant()
    begin(ago=TURN / 2)
    tasks.tick()
    assert not is_judged()


def test_a_tick_that_died_gives_way_to_the_next() -> None:
    plant()
    begin(ago=TURN)
    tasks.tick()
    assert is_judged()
    assert TickRun.objects.get(name="policy").finished_at


def judged_batches() -> int:
    """How often a tick with no end of work judges before it ends."""
    moments: list[datetime] = []

    def endless(now: datetime) -> int:
        moments.append(now)
        return 1

    with patch.object(tasks, "judge_due", endless):
        tasks.tick()
    return len(moments)


def test_a_tick_ends_early_while_a_check_waits_and_goes_on_behind_it(administrator: User) -> None:
    permit("127.0.0.0/8", actor=None, now=timezone.now(), allows_special=True)
    assert judged_batches() == tasks.MOST_BATCHES
    plant()
    scan = check_now("127.0.0.1:9", actor=administrator, now=timezone.now())
    assert judged_batches() == 1
    assert queued() == ["discovery.tasks.run_shard", "policy.tasks.tick"]
    assert ScanShard.objects.get(scan=scan).claim("a worker", timezone.now())
    assert judged_batches() == tasks.MOST_BATCHES
    assert queued().count("policy.tasks.tick") == 1


def test_a_database_that_is_locked_while_indexes_are_measured_keeps_nobody_from_judging() -> None:
    plant()
    with patch.object(tasks, "refresh_statistics_if_outgrown", side_effect=OperationalError("database is locked")):
        tasks.tick()
    assert is_judged()
