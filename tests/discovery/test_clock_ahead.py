"""A clock that was once ahead: what it left in the future is no evidence, holds nothing up, and is said."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule

from accounts.models import User
from certdash.lib.work import WorkStatus
from discovery.models import Scan, Source
from discovery.reasons import State
from discovery.services import tick
from inventory import filters
from inventory.models import Endpoint
from inventory.snapshot.rows import endpoint_row
from tests.discovery.covering import DAY, keep, of_networks, of_source, run_due
from tests.discovery.scanning import clock, run_all, start

AHEAD = 400 * DAY
pytestmark = pytest.mark.django_db


@pytest.fixture
def once_ahead(loopback: None, server: int, administrator: User) -> None:
    keep(administrator, "127.0.0.1", server)
    with time_machine.travel(timezone.now() + AHEAD):
        run_due()
        assert of_source()[0] == State.COVERED


def test_what_was_seen_in_the_future_covers_nothing_and_the_sentence_names_the_clock(once_ahead: None) -> None:
    state, sentence = of_source()
    assert state == State.LATE
    assert "clock" in sentence
    assert set(of_networks().values()) == {State.LATE}


def test_a_source_whose_next_run_is_further_ahead_than_its_interval_is_due(once_ahead: None) -> None:
    run_due()
    assert Scan.objects.count() == 2
    next_run_at = Source.objects.get().next_run_at
    assert next_run_at
    assert next_run_at <= timezone.now() + DAY
    assert of_source()[0] == State.COVERED
    assert set(of_networks().values()) == {State.IN_PART}
    tick(timezone.now())
    assert Scan.objects.count() == 2


def test_an_endpoint_seen_in_the_future_is_not_judged_by_that(once_ahead: None, administrator: User) -> None:
    now = timezone.now()
    endpoint = Endpoint.objects.get()
    assert not endpoint_row(endpoint, now).is_judged
    assert list(filters.endpoints("judged=no", administrator, now).queryset) == [endpoint]
    assert not filters.endpoints("judged=yes", administrator, now).queryset.exists()
    run_due()
    now = timezone.now()
    assert endpoint_row(Endpoint.objects.get(), now).is_judged
    assert not filters.endpoints("judged=no", administrator, now).queryset.exists()


def test_a_claim_longer_than_a_lease_is_none(loopback: None, server: int) -> None:
    scan = start(f"127.0.0.1:{server}")
    far = timezone.now() + AHEAD
    scan.shards.update(status=WorkStatus.RUNNING, claim_until=far, claimed_by="dead", attempts=1)
    tick(timezone.now())
    shard = scan.shards.get()
    assert shard.status == WorkStatus.QUEUED
    assert shard.claim_until
    assert shard.claim_until < timezone.now() + timedelta(minutes=5)
    scan.shards.update(status=WorkStatus.RUNNING, claim_until=far)
    assert run_all(scan).shards.get().status == WorkStatus.DONE
    tick(clock())
    scan.refresh_from_db()
    assert scan.status == WorkStatus.DONE


def test_ticks_scheduled_further_ahead_than_their_period_are_brought_back() -> None:
    call_command("schedule_ticks")
    now = timezone.now()
    Schedule.objects.update(next_run=now + AHEAD)
    call_command("schedule_ticks")
    assert all(at <= timezone.now() for at in Schedule.objects.values_list("next_run", flat=True))
    soon = timezone.now() + timedelta(seconds=30)
    Schedule.objects.update(next_run=soon)
    call_command("schedule_ticks")
    assert set(Schedule.objects.values_list("next_run", flat=True)) == {soon}
