"""What workers of the queue do for discovery."""

from __future__ import annotations

import os
import socket

from django.utils import timezone

from accounts.services import run_tick
from discovery import services


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:100]


def run_shard(shard_id: int) -> None:
    services.run_shard(shard_id, worker_name(), timezone.now)


def tick() -> None:
    """Start due sources, end finished scans, and go on where a worker died."""
    now = timezone.now()
    with run_tick("discovery", services.DEFAULT_ZONE, now):
        errors = services.tick(now)
        if errors:
            raise TickError("; ".join(errors))


def tidy() -> None:
    """Forget, once a day, what nobody needs any more."""
    now = timezone.now()
    with run_tick("tidy", services.DEFAULT_ZONE, now):
        services.forget_candidates(now)
        services.forget_failures(now)


class TickError(Exception):
    """Part of a tick failed; the rest was done."""
