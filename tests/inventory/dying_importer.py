"""A worker that does one step of an import and kills itself: ``python -m … <import> <point> <nth call>``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import django

django.setup()

from inventory.models import Import  # noqa: E402
from inventory.services.importing import claims, reading, running, spool, storing, undoing  # noqa: E402 - see above

# What dies, and whether before or after the function did its work.
POINTS: dict[str, tuple[Any, str, str]] = {
    "claimed": (running, "_stop_a_killer", "before"),
    "reading a batch": (reading, "classify", "after"),
    "kept a batch": (reading, "_keep", "after"),
    "holding a batch": (reading, "keep_claim", "after"),
    "read": (reading, "end_step", "before"),
    "ended reading": (reading, "end_step", "after"),
    "writing certificates": (storing, "store_certificates", "after"),
    "marked a batch": (storing, "_mark", "after"),
    "stored a batch": (storing, "_store_batch", "after"),
    "stored": (storing, "end_step", "before"),
    "ended storing": (storing, "audit", "after"),
    "forgetting": (undoing, "_forget", "after"),
    "undone a batch": (undoing, "_undo_batch", "after"),
    "undone": (undoing, "end_step", "after"),
}
BATCH = 2


def deadly(work: Callable[..., Any], when: str, calls: int) -> Callable[..., Any]:
    left = calls

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left:
            return work(*args, **kwargs)
        if when == "after":
            work(*args, **kwargs)
        return os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


def main(of: str, point: str, calls: str) -> None:
    for module in (reading, storing, undoing, claims):
        module.BATCH = BATCH  # type: ignore[attr-defined] # each has it by import
    owner, name, when = POINTS[point]
    setattr(owner, name, deadly(getattr(owner, name), when, int(calls)))
    assert Import.objects.exists(), "the worker looks at another database"
    assert spool.path_of("x").parent.is_dir(), "the worker looks at another place"
    running.run_import(int(of), "dying", lambda: datetime.now(UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
