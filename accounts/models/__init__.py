"""People, teams, and the record of what was done."""

from accounts.models.audit import AuditEvent, AuditHead
from accounts.models.organisation import Organisation, SetupToken, TickRun
from accounts.models.people import Membership, Role, Team, User

__all__ = [
    "AuditEvent",
    "AuditHead",
    "Membership",
    "Organisation",
    "Role",
    "SetupToken",
    "Team",
    "TickRun",
    "User",
]
