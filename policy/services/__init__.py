"""Judging facts and keeping findings."""

from policy.services.asking import call_for_changed_rules
from policy.services.assigning import AssignedMeanwhileError, assign_finding, send_assignment, send_assignments
from policy.services.findings import acknowledge
from policy.services.judging import call_for_future, call_for_gone_rules, judge_due
from policy.services.many import OtherFindingsError, Wanted, change_findings, sort_findings
from policy.services.speaking import spoken_of

__all__ = [
    "AssignedMeanwhileError",
    "OtherFindingsError",
    "Wanted",
    "acknowledge",
    "assign_finding",
    "call_for_changed_rules",
    "call_for_future",
    "call_for_gone_rules",
    "change_findings",
    "judge_due",
    "send_assignment",
    "send_assignments",
    "sort_findings",
    "spoken_of",
]
