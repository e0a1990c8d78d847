"""From what probes saw to rows: spans of observation, endpoints and what they serve, in one transaction per batch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from accounts.models import Team
from accounts.services import audit
from discovery.models import Scan
from discovery.probe.results import HandshakeFailed, Place, ProbeResult, Reason, Served, Unreachable
from discovery.services.candidates import keep_candidates, settle_candidates, sort_out
from discovery.services.observations import keep_observations
from discovery.services.postures import keep_postures
from inventory.addresses import pack
from inventory.models import Certificate, Endpoint
from inventory.services import (
    Applied,
    Finds,
    Look,
    SeenBy,
    Spot,
    Unknown,
    chain_digest,
    comes_back,
    digest_of,
    endpoints_at,
    kept,
    known_chains,
    note_looks,
    store_chains,
    tell_applied,
    tell_returned,
)
from inventory.services.importing.waiting import Arrived, Waited, match_waiting, tell_waited
from inventory.services.races import settled

Outcome = Endpoint.Outcome
# Longer than this, a detail is somebody's page, not a reason.
DETAIL_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch saw and added to what was known, as primary keys.

    ``seen``, ``new`` and ``lost`` are certificates; ``changed`` and ``endpoints`` (all that were looked at) endpoints;
    ``candidates`` open ports that are no endpoints. ``revived`` are endpoints that had been retired and answered,
    ``returned`` certificates that had been retired and are served,
    ``inferred`` what was nobody's, and whose rules, or the team of its source or network, said it is; ``waited`` what
    rows of imported tables had to say of these places.
    """

    seen: frozenset[int] = frozenset()
    new: frozenset[int] = frozenset()
    changed: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    endpoints: frozenset[int] = frozenset()
    candidates: frozenset[int] = frozenset()
    revived: tuple[Revived, ...] = ()
    returned: tuple[Certificate, ...] = ()
    inferred: Applied | None = None
    waited: Waited | None = None


class Revived(NamedTuple):
    """A retired endpoint that answered, so that it counts again, and why it had been retired."""

    endpoint: Endpoint
    reason: str
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recording:
    """Who looks, for what: the same for all batches of a run.

    ``schedule`` None: nobody looks regularly, so each endpoint keeps its own. ``was_named`` says of a place whether a
    person named it: then it becomes an endpoint even if nothing answers there. A sweep's silent addresses do not, and
    its open ports without TLS are candidates. ``team`` is whose source looks: what it finds and nobody owns is theirs.
    ``began``: when the looks began, so that what was retired meanwhile stays retired.
    """

    by: SeenBy
    zone: str = "default"
    schedule: timedelta | None = None
    scan: Scan | None = None
    was_named: Callable[[Place], bool] = field(default=lambda _: False)
    team: Team | None = None
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was read before the transaction began, so that it stays short."""

    results: Sequence[ProbeResult]
    unknown: Unknown
    digests: Mapping[tuple[bytes, ...], str]


def prepare(results: Sequence[ProbeResult]) -> Prepared:
    """Hash the chains, and parse the certificates of those that nobody has seen."""
    chains = {variant.chain for result in results if isinstance(result, Served) for variant in result.variants}
    digests = {chain: chain_digest(chain) for chain in chains if chain}
    known = known_chains(digests.values())
    unknown = Unknown.among(der for chain, sha256 in digests.items() if sha256 not in known for der in chain)
    return Prepared(results, unknown, digests)


def record(results: Sequence[ProbeResult], recording: Recording, now: datetime) -> Recorded:
    """Keep what some hundred probes saw. Recording the same again only moves ``last_seen_at``.

    Of several results for one place, the last counts. The number of queries does not depend on the size of the batch.
    """
    prepared = prepare(results)
    with transaction.atomic():
        with kept() as deltas:
            recorded = record_prepared(prepared, recording, now, deltas)
        tell(recorded, recording, now)
    return recorded


def record_prepared(
    prepared: Prepared, recording: Recording, now: datetime, deltas: Counter[tuple[int | None, str, str]]
) -> Recorded:
    """As ``record``, inside the caller's transaction, who calls ``tell`` after the totals are written."""
    recorded, found = settled(lambda: _record(prepared, recording, now), is_first=True)
    deltas.update(found)
    return recorded


def tell(recorded: Recorded, recording: Recording, now: datetime) -> None:
    """Write to the audit what came back by itself, and what got an owner by itself.

    It locks the chain of events, so it is the last of a transaction.
    """
    where = {"source": recording.by.name, "scan": recording.scan.pk if recording.scan else None}
    for row, reason, retired_at in recorded.revived:
        before = {"reason": reason, "retired_at": retired_at.isoformat() if retired_at else ""}
        audit(None, "endpoint.revived", row, before, {"service": row.service, **where}, now=now)
    tell_returned(recorded.returned, now, **where)
    tell_applied(recorded.inferred, now)
    if recorded.waited:
        tell_waited(recorded.waited, now)


def _record(
    prepared: Prepared, recording: Recording, now: datetime
) -> tuple[Recorded, Counter[tuple[int | None, str, str]]]:
    deltas: Counter[tuple[int | None, str, str]] = Counter()
    by_spot = {_spot(result.place, recording.zone): result for result in prepared.results if _is_look(result)}
    known = endpoints_at(by_spot)
    found = sort_out(by_spot, known, _naming(recording))
    worth, new = found.endpoints, found.endpoints.keys() - known.keys()
    finds = Finds.now(recording.team, recording.by, _heads(worth, known, recording.began or now))
    stored = store_chains(prepared.digests, now, prepared.unknown, deltas, finds.begin_certificates)
    looks = {spot: _look(result, prepared.digests, stored.ids) for spot, result in worth.items()}
    revived = _revived(known, looks, recording.began or now)
    noted = note_looks(
        list(looks.items()),
        known,
        recording.by,
        now,
        recording.schedule,
        deltas,
        recording.began,
        finds.begin_endpoints,
    )
    keep_observations([(known[spot], looks[spot], _detail(worth[spot])) for spot in worth], recording.scan, now)
    keep_postures(((known[spot], result) for spot, result in worth.items()), now)
    settle_candidates(new, now)
    candidates = keep_candidates(found.candidates, _detail, recording.scan, now)
    endpoints = frozenset(known[spot].pk for spot in worth)
    leaves = frozenset(leaf for look in looks.values() for _, leaf in look.chains.values())
    inferred = finds.apply(leaves, endpoints, now, deltas)
    first_seen = frozenset(known[spot].pk for spot in new)
    waited = match_waiting(Arrived(endpoints, first_seen, stored.new), now, deltas)
    new_leaves = stored.new & leaves
    recorded = Recorded(
        seen=leaves,
        new=new_leaves,
        changed=noted.changed,
        lost=noted.lost,
        endpoints=endpoints,
        candidates=candidates,
        revived=revived,
        returned=noted.returned,
        waited=waited,
        inferred=inferred,
    )
    return recorded, deltas


def _heads(
    worth: Mapping[Spot, ProbeResult], known: Mapping[Spot, Endpoint], began: datetime
) -> dict[str, list[tuple[str, bytes]]]:
    """Where each certificate is served, by its digest; what is retired, and stays so, does not count."""
    heads: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for spot, result in worth.items():
        row = known.get(spot)
        if not isinstance(result, Served):
            continue
        counts = row is None or row.retired_at is None or row.retired_at < began
        for digest in {digest_of(variant.chain[0]) for variant in result.variants if variant.chain}:
            heads[digest] += [(spot.zone, spot.address)] if counts else []
    return heads


def _naming(recording: Recording) -> Callable[[Place], bool]:
    """A check is a question, and no word of anybody that something is there."""
    is_check = recording.scan is not None and recording.scan.kind == Scan.Kind.CHECK
    return (lambda _: False) if is_check else recording.was_named


def _revived(known: Mapping[Spot, Endpoint], looks: Mapping[Spot, Look], began: datetime) -> tuple[Revived, ...]:
    rows = [known[spot] for spot, look in looks.items() if spot in known and comes_back(known[spot], look, began)]
    return tuple(Revived(row, row.retired_reason, row.retired_at) for row in rows)


def _is_look(result: ProbeResult) -> bool:
    """A name that was not found is no place, and an address that was not asked was not looked at."""
    if isinstance(result, Unreachable) and result.reason == Reason.TOO_MANY_ADDRESSES:
        return False
    try:
        pack(result.place.address)
    except ValueError:
        return False
    return True


def _spot(place: Place, zone: str) -> Spot:
    return Spot(zone, pack(place.address), place.port, place.server_name[:255], place.protocol)


def _look(result: ProbeResult, digests: Mapping[tuple[bytes, ...], str], chains: Mapping[str, tuple[int, int]]) -> Look:
    match result:
        case Served(variants=variants):
            ids = {variant.variant: chains[digests[variant.chain]] for variant in variants if variant.chain}
            # A reason beside a chain: the handshake broke after it.
            broken = next((variant.broken for variant in variants if variant.broken), "")
            return Look(Outcome.SERVED, broken, variants[0].tls_version, variants[0].cipher, ids)
        case Unreachable(reason=reason):
            return Look(Outcome.UNREACHABLE, reason)
        case HandshakeFailed(reason=reason):
            return Look(Outcome.HANDSHAKE_FAILED, reason)


def _detail(result: ProbeResult) -> str:
    return result.detail.replace("\0", "\\00")[:DETAIL_AT_MOST]
