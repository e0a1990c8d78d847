"""A worker that runs one shard and kills itself with SIGKILL at a named point: ``python -m … <shard> <point> <n>``.

The n-th time that the point is reached counts, so that a batch in the middle can be hit.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import django

django.setup()

from discovery.models import Scan  # noqa: E402
from discovery.services import shards  # noqa: E402 - models need the setup above

# What dies, and whether before or after the function did its work.
POINTS: dict[str, tuple[Any, str, str]] = {
    "claimed": (shards._Run, "conduct", "before"),
    "answered": (shards._Run, "_take", "after"),
    "prepared": (shards, "prepare", "after"),
    "recorded": (shards, "record_prepared", "after"),
    "counted": (shards, "add_to_scan", "after"),
    "committed": (shards._Run, "_flush", "after"),
    "ending": (shards, "finish_scan", "before"),
    "finished": (shards, "finish_scan", "after"),
    "fed": (shards, "feed", "after"),
    "called": (shards, "call_readers", "after"),
    "ended": (shards._Run, "conduct", "after"),
}


def deadly(work: Callable[..., Any], when: str, at: int) -> Callable[..., Any]:
    calls = count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        is_last = next(calls) == at
        if is_last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = work(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def main(shard: str, point: str, at: str) -> None:
    owner, name, when = POINTS[point]
    setattr(owner, name, deadly(getattr(owner, name), when, int(at)))
    shards.BATCH = 5
    assert Scan.objects.exists(), "the worker looks at another database"
    shards.run_shard(int(shard), "dying", lambda: datetime.now(UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
