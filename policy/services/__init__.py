"""Judging facts and keeping findings."""

from policy.services.findings import acknowledge
from policy.services.judging import judge_all_due, judge_due

__all__ = ["acknowledge", "judge_all_due", "judge_due"]
