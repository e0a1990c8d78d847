"""People, teams, and the record of what was done."""

from accounts.models.audit import AuditEvent, AuditHead
from accounts.models.organisation import Organisation, SetupToken, TickRun
from accounts.models.people import Membership, Role, Team, User
from accounts.models.views import CalendarFeed, SavedView

__all__ = [
    "AuditEvent",
    "AuditHead",
    "CalendarFeed",
    "Membership",
    "Organisation",
    "Role",
    "SavedView",
    "SetupToken",
    "Team",
    "TickRun",
    "User",
]
