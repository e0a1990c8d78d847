"""Everything that changes people and their rights, and the record of all changes."""

from accounts.services.administrators import (
    is_last_administrator,
    last_administrator_sentence,
    require_lasting_administrator,
)
from accounts.services.audit import (
    AuditRefusedError,
    Origin,
    audit,
    audit_head,
    came_from,
    on_command_line,
    user_of_this_machine,
)
from accounts.services.authority import require_administrator, require_change, require_role
from accounts.services.chain_check import (
    ChainCheck,
    check_chain,
    check_page,
    keep_check,
    last_check,
    page_of,
    verify_stored,
)
from accounts.services.heads import Outside
from accounts.services.heads import read as read_heads
from accounts.services.installation import (
    SetupStep,
    change_organisation,
    ensure_administrator,
    is_set_up,
    is_unfinished,
    next_setup_url,
    setup_steps,
)
from accounts.services.people import (
    TakenError,
    accept_invitation,
    add_person,
    can_send_mail,
    change_profile,
    close_accounts,
    create_first_administrator,
    end_sessions,
    invite,
    keep_email_address,
    remove_second_factors,
    second_factors,
    send_invitation,
)
from accounts.services.teams import delete_team, save_team, why_team_is_kept
from accounts.services.ticks import TURN, is_my_turn, run_tick, tidy
from accounts.services.tokens import absolute, find_digest, find_token, issue_invitation_link, issue_setup_link
from accounts.services.verify import Fault, Verification, page_faults, verify_audit
from accounts.services.visits import note_visit

__all__ = [
    "TURN",
    "AuditRefusedError",
    "ChainCheck",
    "Fault",
    "Origin",
    "Outside",
    "SetupStep",
    "TakenError",
    "Verification",
    "absolute",
    "accept_invitation",
    "add_person",
    "audit",
    "audit_head",
    "came_from",
    "can_send_mail",
    "change_organisation",
    "change_profile",
    "check_chain",
    "check_page",
    "close_accounts",
    "create_first_administrator",
    "delete_team",
    "end_sessions",
    "ensure_administrator",
    "find_digest",
    "find_token",
    "invite",
    "is_last_administrator",
    "is_my_turn",
    "is_set_up",
    "is_unfinished",
    "issue_invitation_link",
    "issue_setup_link",
    "keep_check",
    "keep_email_address",
    "last_administrator_sentence",
    "last_check",
    "next_setup_url",
    "note_visit",
    "on_command_line",
    "page_faults",
    "page_of",
    "read_heads",
    "remove_second_factors",
    "require_administrator",
    "require_change",
    "require_lasting_administrator",
    "require_role",
    "run_tick",
    "save_team",
    "second_factors",
    "send_invitation",
    "setup_steps",
    "tidy",
    "user_of_this_machine",
    "verify_audit",
    "verify_stored",
    "why_team_is_kept",
]
