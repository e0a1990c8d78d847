"""How fast facts are judged, until all of the estate is judged or the patience has ended."""

from __future__ import annotations

import time

from django.utils import timezone

from bench.clock import Spent
from bench.rows import Row, machine
from inventory.services import refresh_statistics_if_outgrown
from policy.services import judge_due

PATIENCE = 300  # seconds; what is not judged by then stays so, and the row says how many were


def measure(patience: float = PATIENCE) -> list[Row]:
    """Endpoints and certificates judged, each with all of its rules, per second."""
    spent, judged, until = Spent(), 0, time.monotonic() + patience
    now = timezone.now()
    refresh_statistics_if_outgrown()  # as each tick
    while time.monotonic() < until:
        with spent.measured():
            batch = judge_due(now)
        if not batch:
            break
        judged += batch
    name = f"judge: {judged:,} endpoints and certificates"
    return [
        Row(name, judged / spent.wall, "per second", None, "higher", machine=machine()),
        Row(name, judged / spent.cpu, "per CPU second", None, "higher", machine=machine()),
    ]
