"""What policy does by the clock and after each recording."""

from __future__ import annotations

import logging
import time

from django.db import OperationalError
from django.utils import timezone

from accounts.services import is_my_turn, run_tick
from discovery.services import call_readers, does_check_wait
from inventory.services import refresh_statistics_if_outgrown
from policy.services import call_for_changed_rules, call_for_future, call_for_gone_rules, judge_due

# Bounded, so that one tick never holds a worker for minutes; the next one goes on.
MOST_BATCHES = 50
MOST_SECONDS = 30.0

log = logging.getLogger(__name__)


def tick() -> None:
    """Judge what facts or time have made due: one tick at a time, so that it never takes all workers.

    It makes room for a check that a person waits for, and goes on behind it in the queue.
    """
    if not is_my_turn("policy", "default", timezone.now()):
        return
    with run_tick("policy", "default", timezone.now()):
        _measure()
        call_for_future(timezone.now())
        call_for_gone_rules(timezone.now())
        call_for_changed_rules(timezone.now())
        judged = _judge()
    if judged:
        call_readers(timezone.now())


def _judge() -> int:
    """Judge batch after batch; return how many rows were."""
    until = time.monotonic() + MOST_SECONDS
    total = 0
    for _ in range(MOST_BATCHES):
        judged = judge_due(timezone.now())
        total += judged
        if not judged or time.monotonic() > until or does_check_wait(timezone.now()):
            break
    return total


def _measure() -> None:
    """With old statistics judging is slow, but it goes on."""
    try:
        refresh_statistics_if_outgrown()
    except OperationalError as error:
        log.warning("The indexes could not be measured now: %s", error)
