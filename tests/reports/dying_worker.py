"""A worker that makes one report and kills itself with SIGKILL at a named point: ``python -m … <report> <point>``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import django

django.setup()

from reports.models import Report  # noqa: E402
from reports.services import making  # noqa: E402 - models need the setup above

# What dies, and whether before or after the function did its work.
POINTS: dict[str, tuple[Any, str, str]] = {
    "claimed": (making, "_freeze", "before"),
    "reading": (making, "freeze_inventory", "after"),
    "beaten": (Report, "beat", "after"),
    "frozen": (making, "_freeze", "after"),
    "rendered": (making, "_render", "after"),
    "ending": (Report, "end", "after"),
    "kept": (making, "_keep", "after"),
}


def deadly(work: Callable[..., Any], when: str) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            work(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


def main(report: str, point: str) -> None:
    owner, name, when = POINTS[point]
    making._render = lambda *_: b"%PDF-1.7 made"
    setattr(owner, name, deadly(getattr(owner, name), when))
    assert Report.objects.exists(), "the worker looks at another database"
    making.make_report(int(report), "dying", lambda: datetime.now(UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
