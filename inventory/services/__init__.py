"""Storing what was seen, and keeping what follows from it."""

from inventory.services.bulk import (
    AT_ONCE,
    ChangeError,
    begin_change,
    cancel_change,
    resume_changes,
    run_change,
    take_back_change,
)
from inventory.services.certificates import Stored, Unknown, store_certificates
from inventory.services.chains import StoredChains, chain_digest, known_chains, store_chains
from inventory.services.details import ChangedMeanwhileError, describe, details_of, version_of
from inventory.services.domains import sort_into_domains
from inventory.services.endpoints import Look, Noted, Spot, around, comes_back, endpoints_at, note_looks, spot_of
from inventory.services.facts import digest_of
from inventory.services.ownership import (
    assign_endpoint_owner,
    assign_owner,
    owner_of,
)
from inventory.services.retirement import (
    ServedError,
    retire_certificate,
    retire_endpoint,
    unretire_certificate,
    unretire_endpoint,
)
from inventory.services.rules import Applied, Finds, tell_applied
from inventory.services.rules.keeping import (
    delete_rule,
    left_by_removed,
    move_rule,
    note_applied,
    order_rules,
    owners_given,
    rule_words,
    save_rule,
)
from inventory.services.rules.previewing import Preview, preview_rules
from inventory.services.sightings import SeenBy, note_sightings
from inventory.services.standing import tell_returned
from inventory.services.statistics import refresh_statistics, refresh_statistics_if_outgrown
from inventory.services.totals import Drift, adjust, is_in_a_moment, kept, most, numbers, one_moment, recount
from inventory.services.trust_stores import keep_trust_store, remove_trust_store

__all__ = [
    "AT_ONCE",
    "Applied",
    "ChangeError",
    "ChangedMeanwhileError",
    "Drift",
    "Finds",
    "Look",
    "Noted",
    "Preview",
    "SeenBy",
    "ServedError",
    "Spot",
    "Stored",
    "StoredChains",
    "Unknown",
    "adjust",
    "around",
    "assign_endpoint_owner",
    "assign_owner",
    "begin_change",
    "cancel_change",
    "chain_digest",
    "comes_back",
    "delete_rule",
    "describe",
    "details_of",
    "digest_of",
    "endpoints_at",
    "is_in_a_moment",
    "keep_trust_store",
    "kept",
    "known_chains",
    "left_by_removed",
    "most",
    "move_rule",
    "note_applied",
    "note_looks",
    "note_sightings",
    "numbers",
    "one_moment",
    "order_rules",
    "owner_of",
    "owners_given",
    "preview_rules",
    "recount",
    "refresh_statistics",
    "refresh_statistics_if_outgrown",
    "remove_trust_store",
    "resume_changes",
    "retire_certificate",
    "retire_endpoint",
    "rule_words",
    "run_change",
    "save_rule",
    "sort_into_domains",
    "spot_of",
    "store_certificates",
    "store_chains",
    "take_back_change",
    "tell_applied",
    "tell_returned",
    "unretire_certificate",
    "unretire_endpoint",
    "version_of",
]
