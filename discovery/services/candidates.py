"""What becomes an endpoint, and what stays an open port that is only kept as a candidate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from discovery.models import Candidate, Scan
from discovery.probe.results import HandshakeFailed, Place, ProbeResult, Reason, Unreachable
from inventory.models import Endpoint
from inventory.services import Spot

# After these, TLS is spoken there: what is served is not known, and that must count as not known.
SPOKE_TLS = frozenset(
    {
        Reason.TLS_ALERT,
        Reason.SERVER_NAME_REQUIRED,
        Reason.NO_CERTIFICATE,
        Reason.MESSAGE_TOO_LARGE,
        Reason.PROTOCOL_ERROR,
    }
)


class Door(NamedTuple):
    """A place whatever server name is asked for."""

    zone: str
    address: bytes
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Of one batch: what endpoints showed, and what was open without TLS where no endpoint is."""

    endpoints: Mapping[Spot, ProbeResult]
    candidates: Mapping[Door, HandshakeFailed]


def sort_out(
    results: Mapping[Spot, ProbeResult], known: Collection[Spot], was_named: Callable[[Place], bool]
) -> Sorted:
    """An endpoint is what is known as one, was named by a person, or speaks TLS.

    A door that is known under one server name is no candidate under another: it may refuse those it does not know.
    """
    endpoints = {spot: result for spot, result in results.items() if spot in known or _is_endpoint(result, was_named)}
    failed = {
        spot: result
        for spot, result in results.items()
        if spot not in endpoints and isinstance(result, HandshakeFailed)
    }
    if not failed:
        return Sorted(endpoints, {})
    taken = {_door(spot) for spot in endpoints} | _with_endpoints({_door(spot) for spot in failed})
    endpoints |= {spot: result for spot, result in failed.items() if _door(spot) in taken}
    return Sorted(endpoints, {_door(spot): result for spot, result in failed.items() if spot not in endpoints})


def _is_endpoint(result: ProbeResult, was_named: Callable[[Place], bool]) -> bool:
    match result:
        case Unreachable():
            return was_named(result.place)
        case HandshakeFailed(reason=reason):
            return reason in SPOKE_TLS or was_named(result.place)
        case _:
            return True


def _door(spot: Spot) -> Door:
    return Door(spot.zone, spot.address, spot.port, spot.protocol)


def _with_endpoints(doors: Collection[Door]) -> set[Door]:
    rows = _around(Endpoint.objects.all(), doors).values_list("zone", "address", "port", "protocol")
    return {Door(zone, bytes(address), port, protocol) for zone, address, port, protocol in rows}


def _around(rows: QuerySet[Any], doors: Collection[Door]) -> QuerySet[Any]:
    """What has one of the zones, one of the addresses and one of the ports: all of the doors, and perhaps others."""
    return rows.filter(
        zone__in={door.zone for door in doors},
        address__in={door.address for door in doors},
        port__in={door.port for door in doors},
    )


def keep_candidates(
    found: Mapping[Door, HandshakeFailed], details: Callable[[ProbeResult], str], scan: Scan | None, now: datetime
) -> frozenset[int]:
    """Keep what was open without TLS, in the caller's transaction; return the primary keys."""
    rows = [
        Candidate(
            **door._asdict(),
            reason=result.reason,
            detail=details(result),
            first_seen_at=now,
            last_seen_at=now,
            scan=scan,
        )
        for door, result in sorted(found.items())
    ]
    Candidate.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["zone", "address", "port", "protocol"],
        update_fields=["reason", "detail", "last_seen_at", "scan", "became_endpoint_at"],
    )
    return frozenset(row.pk for row in rows)


def settle_candidates(new: Iterable[Spot], now: datetime) -> None:
    """Candidates where endpoints have just been made are none any more."""
    doors = {_door(spot) for spot in new}
    if doors:
        rows = _around(Candidate.objects.waiting(), doors).only("zone", "address", "port", "protocol")
        settled = [row.pk for row in rows if Door(row.zone, bytes(row.address), row.port, row.protocol) in doors]
        Candidate.objects.filter(pk__in=settled).update(became_endpoint_at=now)
