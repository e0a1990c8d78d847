"""What policy does by the clock and after each recording."""

from __future__ import annotations

from django.utils import timezone

from accounts.services import run_tick
from inventory.services import refresh_statistics_if_outgrown
from policy.services import call_for_changed_rules, call_for_gone_rules, judge_due

# Bounded, so that one tick never holds a worker for minutes; the next one goes on.
MOST_BATCHES = 50


def tick() -> None:
    """Judge what facts or time have made due."""
    with run_tick("policy", "default", timezone.now()):
        refresh_statistics_if_outgrown()
        call_for_gone_rules(timezone.now())
        call_for_changed_rules(timezone.now())
        for _ in range(MOST_BATCHES):
            if not judge_due(timezone.now()):
                break
