"""Making reports: freeze the data, render it in a process that can be killed, keep both."""

from reports.services.citing import cited
from reports.services.folders import remove_left
from reports.services.freezing import canonical, freeze_inventory, scope_of, thaw
from reports.services.making import make_report, request_report, resume_reports

__all__ = [
    "canonical",
    "cited",
    "freeze_inventory",
    "make_report",
    "remove_left",
    "request_report",
    "resume_reports",
    "scope_of",
    "thaw",
]
