"""Storing what was seen, and keeping what follows from it."""

from inventory.services.certificates import Stored, Unknown, store_certificate, store_certificates
from inventory.services.chains import StoredChains, chain_digest, known_chains, store_chain, store_chains
from inventory.services.details import ChangedMeanwhileError, describe, details_of, version_of
from inventory.services.endpoints import Look, Noted, Spot, around, comes_back, endpoints_at, note_looks, spot_of
from inventory.services.ownership import (
    Inferred,
    assign_endpoint_owner,
    assign_owner,
    infer_owner,
    owner_of,
    tell_inferred,
)
from inventory.services.retirement import retire_endpoint, unretire_endpoint
from inventory.services.sightings import SeenBy, note_sightings
from inventory.services.statistics import refresh_statistics, refresh_statistics_if_outgrown
from inventory.services.totals import Drift, adjust, kept, most, numbers, one_moment, recount
from inventory.services.trust_stores import judge_paths_again, keep_trust_store

__all__ = [
    "ChangedMeanwhileError",
    "Drift",
    "Inferred",
    "Look",
    "Noted",
    "SeenBy",
    "Spot",
    "Stored",
    "StoredChains",
    "Unknown",
    "adjust",
    "around",
    "assign_endpoint_owner",
    "assign_owner",
    "chain_digest",
    "comes_back",
    "describe",
    "details_of",
    "endpoints_at",
    "infer_owner",
    "judge_paths_again",
    "keep_trust_store",
    "kept",
    "known_chains",
    "most",
    "note_looks",
    "note_sightings",
    "numbers",
    "one_moment",
    "owner_of",
    "recount",
    "refresh_statistics",
    "refresh_statistics_if_outgrown",
    "retire_endpoint",
    "spot_of",
    "store_certificate",
    "store_certificates",
    "store_chain",
    "store_chains",
    "tell_inferred",
    "unretire_endpoint",
    "version_of",
]
