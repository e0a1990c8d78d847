"""What becomes an endpoint, and what stays an open port that is only kept as a candidate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from discovery.models import Candidate, Scan
from discovery.probe.results import HandshakeFailed, Place, ProbeResult, Reason, Unreachable
from inventory.models import Endpoint
from inventory.services import Spot, around

AT_ONCE = 1000
# Since an open port was last seen. Then it is closed, or nobody sweeps there any more.
CANDIDATES_KEPT = timedelta(days=90)
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
    found = (row for some in _some(doors) for row in around(Endpoint.objects.all(), some).values_list(*Door._fields))
    return {Door(zone, bytes(address), port, protocol) for zone, address, port, protocol in found}


def _some(doors: Collection[Door]) -> Iterator[frozenset[Door]]:
    """Neighbours together, and no more than one statement can name."""
    chosen = sorted(doors)
    return (frozenset(chosen[start : start + AT_ONCE]) for start in range(0, len(chosen), AT_ONCE))


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
    for some in _some(doors):
        rows = around(Candidate.objects.waiting(), some).only(*Door._fields)
        settled = [row.pk for row in rows if Door(row.zone, bytes(row.address), row.port, row.protocol) in some]
        Candidate.objects.filter(pk__in=settled).update(became_endpoint_at=now)


def forget_candidates(now: datetime) -> int:
    """Forget what was last seen open long ago; return how many. What scans counted of them stays.

    In pieces, so that no worker waits for the database, and asked for by their time, so that what is seen again
    meanwhile stays.
    """
    old = Candidate.objects.filter(last_seen_at__lt=now - CANDIDATES_KEPT)
    forgotten = 0
    while some := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        forgotten += old.filter(pk__in=some).delete()[0]
    return forgotten
