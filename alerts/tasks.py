"""What alerts do in workers."""

from __future__ import annotations

import os
from contextlib import ExitStack

from django.utils import timezone

from accounts.services import is_my_turn, run_tick
from alerts import services

# Together less than the minute after which the clock calls again.
WRITING_SECONDS = 20.0
SENDING_SECONDS = 20.0


def tick() -> None:
    """Write the letters of the day once it is time, and send what waits."""
    if not is_my_turn("letters", "default", timezone.now()):
        return
    with run_tick("letters", "default", timezone.now()):
        _each()


def _each() -> None:
    """Each in its turn, also if one before it failed; what failed passes on at the end."""
    with ExitStack() as last_first:
        last_first.callback(services.send_letters, timezone.now, SENDING_SECONDS)
        last_first.callback(services.write_daily, timezone.now, WRITING_SECONDS)
        last_first.callback(services.resume_mailings, timezone.now())


def write_mailing(pk: int) -> None:
    """Write the letters of one mail to owners."""
    services.write_mailing(pk, f"worker {os.getpid()}", timezone.now)
