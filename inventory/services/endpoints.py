"""Endpoints: finding them by their place, and keeping what a batch of looks showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from inventory.addresses import unpack
from inventory.models import Certificate, ChainLink, Endpoint, ServedChain, Sighting
from inventory.services.races import hold, hold_free
from inventory.services.served import keep_served
from inventory.services.sightings import SeenBy, not_recent, note_common, note_sightings
from inventory.services.standing import restand
from inventory.services.texts import index_texts
from inventory.services.totals import Share, endpoint_shares
from inventory.services.writing import among, blank, insert_rows, write
from inventory.status import AHEAD

Row = TypeVar("Row", bound=Model)
Outcome = Endpoint.Outcome
_FACTS = ("outcome", "reason", "tls_version", "cipher", "certificate_id", "schedule_seconds")
_WRITTEN = (*_FACTS, "last_tried_at", "last_seen_at", "judge_at")
_RETIRED = ("retired_at", "retired_reason")
_COLUMNS = (*_WRITTEN, *_RETIRED, "zone", "address", "port", "server_name", "protocol", "service", "owner_team_id")


class Spot(NamedTuple):
    """What identifies an endpoint. ``address`` is 16 packed bytes."""

    zone: str
    address: bytes
    port: int
    server_name: str
    protocol: str

    @property
    def service(self) -> str:
        """The nodes of one name share it; without a name, each address is a service of its own."""
        return f"{self.server_name or unpack(self.address)}:{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Look:
    """What one attempt at one spot showed, as far as the inventory is concerned.

    ``chains`` maps the variant to (primary key of the chain, of its leaf); empty unless served.
    """

    outcome: Endpoint.Outcome
    reason: str = ""
    tls_version: str = ""
    cipher: str = ""
    chains: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def leaf(self) -> int | None:
        """The certificate for clients that ask for nothing special."""
        if not self.chains:
            return None
        return self.chains.get(ServedChain.Variant.DEFAULT, next(iter(self.chains.values())))[1]


@dataclass(frozen=True, slots=True)
class Noted:
    """What a batch of looks changed, as primary keys.

    ``lost`` are certificates that no node serves any more; ``changed`` endpoints that serve another one than before;
    ``returned`` certificates that had been retired (``standing.Restood``).
    """

    lost: frozenset[int]
    changed: frozenset[int]
    returned: tuple[Certificate, ...] = ()


def endpoints_at(spots: Collection[Spot]) -> dict[Spot, Endpoint]:
    """The known endpoints among these spots, in one query, locked until the caller's transaction ends.

    What is written back, and the difference of the totals, follows from what is read here.
    """
    rows = around(Endpoint.objects.all(), spots).only(*_COLUMNS).order_by("pk")
    found = {spot_of(row): row for row in rows.select_for_update(no_key=True)}
    return {spot: found[spot] for spot in spots if spot in found}


def _keys_at(spots: Collection[Spot]) -> dict[Spot, int]:
    """Primary keys; of some other endpoints, too."""
    rows = around(Endpoint.objects.all(), spots).values_list("pk", "zone", "address", "port", "server_name", "protocol")
    return {Spot(zone, bytes(address), port, name, protocol): pk for pk, zone, address, port, name, protocol in rows}


class Door(Protocol):
    """A place, whatever else is known of it."""

    @property
    def zone(self) -> str: ...
    @property
    def address(self) -> bytes: ...
    @property
    def port(self) -> int: ...


def around(rows: QuerySet[Row], doors: Collection[Door]) -> QuerySet[Row]:
    """What has one of the zones, one of the addresses and one of the ports: all of the doors, and perhaps others."""
    return rows.filter(
        among("address", {door.address for door in doors}),
        zone__in={door.zone for door in doors},
        port__in={door.port for door in doors},
    )


def spot_of(row: Endpoint) -> Spot:
    return Spot(row.zone, bytes(row.address), row.port, row.server_name, row.protocol)


# Is given unsaved rows, and of each whether something answered there.
Begin: TypeAlias = Callable[[Sequence[Endpoint], Sequence[bool]], None]


def as_it_is(_rows: Sequence[Endpoint], _answered: Sequence[bool]) -> None:
    """New endpoints belong to nobody yet."""


def note_looks(
    looks: Sequence[tuple[Spot, Look]],
    known: dict[Spot, Endpoint],
    by: SeenBy,
    now: datetime,
    schedule: timedelta | None,
    deltas: Counter[Share],
    began: datetime | None = None,
    begin: Begin = as_it_is,
) -> Noted:
    """Keep what a batch of looks (at most one per spot) showed; spots not in ``known`` become endpoints, and enter it.

    Runs in the caller's transaction, in a number of queries that does not depend on the size of the batch.
    ``schedule`` None leaves each endpoint's own schedule. ``began``: since when was looked, now if nothing is said.
    ``begin`` may say more of what is new, before it is inserted.
    """
    batch = [_Kept(spot, look, known.get(spot), began or now) for spot, look in looks]
    shorter = _looked_at_more_often(batch, by, now, schedule)
    for kept in batch:
        kept.apply(now, None if kept.row.pk in shorter else schedule)
    _write(batch, now, known, begin)
    served = keep_served([(kept.row, kept.look.chains) for kept in batch], now)
    leaves = {leaf for kept in batch for _, leaf in kept.look.chains.values()}
    # Not the authorities above them: all workers see the same few, and would wait for each other until they commit.
    hold(Certificate.objects.filter(among("pk", leaves | served.certificates)))
    services = {kept.spot.service for kept in batch if kept.is_new or kept.revived}
    moved = served.endpoints
    _call_judge([kept for kept in batch if kept.row.pk in moved], now)
    restood = restand(served.certificates, services, now, deltas, served.changed)
    _note_seen(batch, leaves, by, now)
    _note_above(_seen(batch) - leaves, by, now)
    deltas.subtract(share for kept in batch for share in kept.before)
    deltas.update(share for kept in batch for share in endpoint_shares(kept.row))
    changed = frozenset(kept.row.pk for kept in batch if kept.changed_certificate)
    return Noted(restood.lost, changed, restood.returned)


class _Kept:
    """One look on its way into its row."""

    def __init__(self, spot: Spot, look: Look, row: Endpoint | None, began: datetime) -> None:
        self.spot = spot
        self.look = look
        self.is_new = row is None
        self.row = row or blank(Endpoint, {**spot._asdict(), "service": spot.service[:300]})
        self.before = [] if row is None else endpoint_shares(row)
        self.facts_before = self._facts()
        self.revived = row is not None and comes_back(row, look, began)
        leaf = look.leaf
        self.changed_certificate = bool(row and row.certificate_id and leaf and leaf != row.certificate_id)

    def _facts(self) -> tuple[object, ...]:
        return tuple(getattr(self.row, name) for name in _FACTS)

    @property
    def is_same(self) -> bool:
        return not self.is_new and not self.revived and self._facts() == self.facts_before

    @property
    def has_answered(self) -> bool:
        """Unreachable places were looked at but not seen."""
        return self.look.outcome != Outcome.UNREACHABLE

    def apply(self, now: datetime, schedule: timedelta | None) -> None:
        row, look = self.row, self.look
        row.outcome, row.reason = look.outcome, look.reason[:40]
        if look.outcome == Outcome.SERVED:
            row.tls_version, row.cipher = look.tls_version[:10], look.cipher[:80]
            row.certificate_id = look.leaf
        if schedule is not None:
            row.schedule_seconds = int(schedule.total_seconds())
        if self.is_new:
            row.first_seen_at = now
        if self.revived:
            # It was retired because it was gone; it answered, so it is not.
            row.retired_at, row.retired_reason = None, ""
        if not self.is_same:
            row.last_tried_at = now
            row.last_seen_at = now if look.outcome == Outcome.SERVED else row.last_seen_at
            row.judge_at = now


def _looked_at_more_often(
    batch: Sequence[_Kept], by: SeenBy, now: datetime, schedule: timedelta | None
) -> frozenset[int]:
    """Endpoints whose own schedule is shorter, and which somebody else saw within twice of it.

    Nobody makes evidence good for longer by looking seldom at what others look at often. Who looks alone may.
    """
    if schedule is None:
        return frozenset()
    seconds = int(schedule.total_seconds())
    longer = {kept.row.pk: kept.row.schedule_seconds for kept in batch if _has_shorter(kept, seconds)}
    if not longer:
        return frozenset()
    others = Sighting.objects.filter(among("endpoint_id", longer), last_at__lte=now + AHEAD)
    others = others.exclude(source_kind=by.kind, source_name=by.name)
    seen = others.values_list("endpoint_id", "last_at")
    return frozenset(pk for pk, at in seen if pk and at >= now - timedelta(seconds=2 * longer[pk]))


def _has_shorter(kept: _Kept, seconds: int) -> bool:
    return not kept.is_new and kept.row.schedule_seconds < seconds


def comes_back(row: Endpoint, look: Look, began: datetime) -> bool:
    """Whether a retired endpoint counts again: only a look that began after somebody retired it says more than they."""
    return row.retired_at is not None and row.retired_at < began and look.outcome == Outcome.SERVED


def _write(batch: Sequence[_Kept], now: datetime, known: dict[Spot, Endpoint], begin: Begin) -> None:
    same = [kept for kept in batch if kept.is_same]
    seen = [kept.row.pk for kept in same if kept.look.outcome == Outcome.SERVED]
    tried = [kept.row.pk for kept in same if kept.look.outcome != Outcome.SERVED]
    if seen:
        # Evidence that had become too old has no next moment to be judged at: fresh evidence makes it due.
        due = Coalesce("judge_at", Value(now))
        Endpoint.objects.filter(among("pk", seen)).update(last_tried_at=now, last_seen_at=now, judge_at=due)
    if tried:
        Endpoint.objects.filter(among("pk", tried)).update(last_tried_at=now)
    write([kept.row for kept in batch if not kept.is_new and not kept.is_same], _WRITTEN)
    write([kept.row for kept in batch if kept.revived], _RETIRED)
    # In the order of their places: two workers that find the same ones meet at the first.
    new = sorted((kept for kept in batch if kept.is_new), key=lambda kept: kept.spot)
    if new:
        begin([kept.row for kept in new], [kept.has_answered for kept in new])
        insert_rows([kept.row for kept in new])
        index_texts(Endpoint)
        made = _keys_at([kept.spot for kept in new])
        for kept in new:
            kept.row.pk = made[kept.spot]
            known[kept.spot] = kept.row


def _call_judge(batch: Iterable[_Kept], now: datetime) -> None:
    """A chain may change although certificate, version and outcome stay."""
    rows = [kept.row.pk for kept in batch if kept.is_same]
    if rows:
        Endpoint.objects.filter(among("pk", rows)).update(judge_at=now)


def _seen(batch: Iterable[_Kept]) -> set[int]:
    """Every certificate that a server sent, those of authorities included."""
    chains = {chain for kept in batch for chain, _ in kept.look.chains.values()}
    return set(ChainLink.objects.filter(among("chain_id", chains)).values_list("certificate_id", flat=True))


def _note_seen(batch: Sequence[_Kept], certificates: Collection[int], by: SeenBy, now: datetime) -> None:
    answered = [kept.row.pk for kept in batch if kept.has_answered]
    note_sightings(by, answered, certificates, now)
    if certificates:
        _move_last_seen(certificates, now)


def _note_above(certificates: Collection[int], by: SeenBy, now: datetime) -> None:
    """Who finds an authority held by another worker leaves it to that one."""
    note_common(by, certificates, now)
    due = not_recent("last_seen_at", now) | _first_after_end(now)
    if certificates and (free := hold_free(Certificate.objects.filter(due, among("pk", certificates)))):
        _move_last_seen(free, now)


def _first_after_end(now: datetime) -> Q:
    """What is said of an expired one depends on whether it was seen after its end."""
    return Q(not_after__lt=now, last_seen_at__lte=F("not_after"))


def _move_last_seen(certificates: Collection[int], now: datetime) -> None:
    due = Case(When(_first_after_end(now), then=Value(now)), default=F("judge_at"))
    Certificate.objects.filter(among("pk", certificates)).update(last_seen_at=now, judge_at=due)
