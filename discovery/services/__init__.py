"""Deciding where to look, looking, and keeping what was seen."""

from discovery.services.candidates import CANDIDATES_KEPT, forget_candidates
from discovery.services.coverage import Stood, networks_now, sources_now
from discovery.services.networks import (
    DEFAULT_ZONE,
    allow,
    cidr_of,
    default_zone,
    delete_network,
    egress_policy,
    save_network,
)
from discovery.services.owners import (
    OWNER_MISSING,
    OwnerMissingError,
    house_team,
    house_team_if_any,
    without_owner,
)
from discovery.services.plans import Ask, ScanRefusedError
from discovery.services.queue import (
    PATIENCE,
    call_readers,
    does_check_wait,
    feed,
    forget_failures,
    stalled_zones,
    why_waiting,
)
from discovery.services.recording import Recorded, Recording, record
from discovery.services.scans import cancel_scan, check_now, finish_scan, request_probe, start_listed_scan, start_scan
from discovery.services.shards import run_shard
from discovery.services.sources import (
    delete_source,
    first_source,
    look_daily,
    require_possible,
    run_now,
    save_source,
    start_first_source,
)
from discovery.services.ticking import run_source, tick
from discovery.services.zones import delete_zone, save_zone

__all__ = [
    "CANDIDATES_KEPT",
    "DEFAULT_ZONE",
    "OWNER_MISSING",
    "PATIENCE",
    "Ask",
    "OwnerMissingError",
    "Recorded",
    "Recording",
    "ScanRefusedError",
    "Stood",
    "allow",
    "call_readers",
    "cancel_scan",
    "check_now",
    "cidr_of",
    "default_zone",
    "delete_network",
    "delete_source",
    "delete_zone",
    "does_check_wait",
    "egress_policy",
    "feed",
    "finish_scan",
    "first_source",
    "forget_candidates",
    "forget_failures",
    "house_team",
    "house_team_if_any",
    "look_daily",
    "networks_now",
    "record",
    "request_probe",
    "require_possible",
    "run_now",
    "run_shard",
    "run_source",
    "save_network",
    "save_source",
    "save_zone",
    "sources_now",
    "stalled_zones",
    "start_first_source",
    "start_listed_scan",
    "start_scan",
    "tick",
    "why_waiting",
    "without_owner",
]
