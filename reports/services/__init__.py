"""Making reports: freeze the data, render it in a process that can be killed, keep both."""

from reports.services.citing import cited
from reports.services.folders import remove_left
from reports.services.freezing import canonical, freeze_inventory, scope_of, thaw
from reports.services.making import make_report, request_report, resume_reports
from reports.services.schedules import (
    delete_schedule,
    make_due,
    next_run,
    organisation_zone,
    save_schedule,
    schedule_query,
)

__all__ = [
    "canonical",
    "cited",
    "delete_schedule",
    "freeze_inventory",
    "make_due",
    "make_report",
    "next_run",
    "organisation_zone",
    "remove_left",
    "request_report",
    "resume_reports",
    "save_schedule",
    "schedule_query",
    "scope_of",
    "thaw",
]
