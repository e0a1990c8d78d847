"""The one back-off: how long to wait before the next attempt."""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(minutes=1)
MOST = timedelta(hours=1)


def wait_after(attempts: int, first: timedelta = FIRST, most: timedelta = MOST) -> timedelta:
    """Twice as long after each failed attempt, from ``first`` up to ``most``; nothing before the first one."""
    if attempts < 1:
        return timedelta()
    # Beyond sixteen doublings a minute has long become more than any limit.
    return min(first * (1 << min(attempts - 1, 16)), most)
