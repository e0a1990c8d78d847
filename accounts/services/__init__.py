"""Everything that changes people and their rights, and the record of all changes."""

from accounts.services.audit import AuditRefusedError, Origin, audit, audit_head, came_from
from accounts.services.authority import require_administrator, require_change, require_role
from accounts.services.heads import Outside
from accounts.services.heads import read as read_heads
from accounts.services.verify import Fault, Verification, page_faults, verify_audit
from accounts.services.visits import note_visit

__all__ = [
    "AuditRefusedError",
    "Fault",
    "Origin",
    "Outside",
    "Verification",
    "audit",
    "audit_head",
    "came_from",
    "note_visit",
    "page_faults",
    "read_heads",
    "require_administrator",
    "require_change",
    "require_role",
    "verify_audit",
]
