"""All that is due is judged at once, as ticks do in their turns."""

from __future__ import annotations

from datetime import datetime

from policy.services import judge_due


def judge_all_due(now: datetime) -> None:
    while judge_due(now):
        pass
