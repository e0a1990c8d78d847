"""The Django admin: people, teams, the organisation; and the mixin that makes every admin class leave audit events."""

from accounts.admin.audited import AuditedAdmin
from accounts.admin.facts import ReadOnlyAdmin
from accounts.admin.organisation import OrganisationAdmin
from accounts.admin.people import UserAdmin
from accounts.admin.served import ServedAdmin
from accounts.admin.tables import TableAdmin
from accounts.admin.teams import MembershipAdmin, TeamAdmin
from accounts.admin.views import SavedViewAdmin

__all__ = [
    "AuditedAdmin",
    "MembershipAdmin",
    "OrganisationAdmin",
    "ReadOnlyAdmin",
    "SavedViewAdmin",
    "ServedAdmin",
    "TableAdmin",
    "TeamAdmin",
    "UserAdmin",
]
