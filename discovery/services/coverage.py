"""After a run has ended: what it proved of its source, and of the networks that it asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from django.db import transaction
from django.db.models import QuerySet

from certdash.lib.work import OPEN, WorkStatus
from discovery.addresses.values import Span, merge, subtract
from discovery.models import Coverage, Network, Scan, Source
from discovery.reasons import Evidence, Standing, is_ahead, is_late, standing
from discovery.services.areas import ASKED, Area, Asked, asks_as, count_answers, count_missed, some, within
from discovery.services.plans import seen_by
from inventory.models import Endpoint

AT_ONCE = 50
ERROR_LENGTH = 500
NETWORK_IS = ("zone_id", "purpose", "first", "last", "is_excluded")
SOURCE_IS = (*ASKED, "zone_id")
Row = TypeVar("Row", Source, Network)


@dataclass(frozen=True, slots=True)
class Look:
    """One ended run, for the networks in which it asked. ``is_kept``: a source that stands asks the same again."""

    scan: Scan
    area: Area
    spans: tuple[Span, ...]
    began: datetime
    ended: datetime
    every: int | None
    is_kept: bool

    def is_current(self, now: datetime) -> bool:
        return not is_late(self.ended, timedelta(seconds=self.every) if self.every else None, now)


def ended_runs() -> list[Scan]:
    """Ended runs that are not noted yet, in the order in which they ended."""
    ended = Scan.objects.filter(is_noted=False).exclude(status__in=OPEN).select_related("source", "zone")
    return list(ended.order_by("finished_at", "pk")[:AT_ONCE])


def note_run(scan: Scan, now: datetime) -> None:
    """Note once what an ended run proved. A check of one place, or a run that was cancelled, proves nothing here."""
    is_worth = scan.kind == Scan.Kind.SCAN and scan.status != WorkStatus.CANCELLED
    _write(scan, _rows_of(scan, now) if is_worth else [], now)


def _rows_of(scan: Scan, now: datetime) -> list[Coverage]:
    """Read outside of any transaction: counting may take a while."""
    area = Area.of(scan.plan)
    source = scan.source
    rows = [_of_source(scan, source, area, now)] if source and asks_as(source, scan) else []
    if scan.status == WorkStatus.DONE:
        rows += _of_networks(_look(scan, area, now), now)
    return rows


@transaction.atomic
def _write(scan: Scan, rows: Sequence[Coverage], now: datetime) -> None:
    if not Scan.objects.filter(pk=scan.pk, is_noted=False).update(is_noted=True):
        return
    for row in filter(_stands, rows):
        where: dict[str, Any] = {"source": row.source} if row.source else {"network": row.network}
        known = Coverage.objects.filter(**where).first()
        # Of a network all that stands is weighed each time; the look that decides may be an older one than before.
        if known is None or row.network or known.ended_at <= row.ended_at or is_ahead(known.ended_at, now):
            row.pk = known.pk if known else None
            row.save()


def _stands(row: Coverage) -> bool:
    """Counting takes a while: what was changed meanwhile has lost its proof, and this would be none of what it is."""
    what: Network | Source | None = row.network or row.source
    if what is None:
        return False
    names = NETWORK_IS if isinstance(what, Network) else SOURCE_IS
    same = {name: getattr(what, name) for name in names}
    return type(what)._default_manager.filter(pk=what.pk, **same).exists()


def _look(scan: Scan, area: Area, now: datetime) -> Look:
    began, ended = scan.started_at or scan.created_at, scan.finished_at or now
    is_kept = scan.source is not None and scan.source.enabled and asks_as(scan.source, scan)
    return Look(scan, area, area.addresses, began, ended, scan.plan.get("schedule_seconds"), is_kept)


def _of_source(scan: Scan, source: Source, area: Area, now: datetime) -> Coverage:
    began = scan.started_at or scan.created_at
    known, missed = (
        count_missed(area, scan.zone.name, seen_by(scan), began) if scan.status == WorkStatus.DONE else (0, 0)
    )
    return Coverage(
        source=source,
        scan=scan,
        began_at=began,
        ended_at=scan.finished_at or now,
        every_seconds=source.every_seconds,
        error=(scan.error or "it ended without a word")[:ERROR_LENGTH] if scan.status == WorkStatus.FAILED else "",
        answered=scan.answered,
        known=known,
        missed=missed,
    )


# --- networks -------------------------------------------------------------------------------------


def _of_networks(look: Look, now: datetime) -> list[Coverage]:
    """Networks that this run asked in, each by all the runs that asked in it last."""
    networks = Network.objects.filter(zone=look.scan.zone, purpose=Network.Purpose.PROBE)
    networks = networks.select_related("coverage__scan")
    bans = merge(_span(network) for network in networks if network.is_excluded)
    wanted = {row: subtract((_span(row),), bans) for row in networks if not row.is_excluded}
    touched = {row: spans for row, spans in wanted.items() if subtract(spans, look.spans) != spans}
    if not touched:
        return []
    looks = [look, *(other for other in _other_looks(look) if other.is_current(now))]
    return [_of_network(row, spans, [*looks, *_before(row, look, now)]) for row, spans in touched.items()]


def _span(network: Network) -> Span:
    return int.from_bytes(network.first), int.from_bytes(network.last)


def _other_looks(look: Look) -> list[Look]:
    """What other sources, or this one if the look is no longer its own, asked last."""
    rows = Coverage.objects.filter(source__enabled=True, source__zone=look.scan.zone, error="", scan__isnull=False)
    others = rows.exclude(source=look.scan.source) if look.is_kept else rows
    return [_looked(row, is_kept=True) for row in others.select_related("scan")]


def _before(network: Network, look: Look, now: datetime) -> list[Look]:
    """What somebody asked once, as long as the network stands by it and it is fresh."""
    known = _coverage(network)
    if known is None or known.scan is None or known.scan.source_id is not None or known.scan == look.scan:
        return []
    before = _looked(known, is_kept=False)
    return [before] if before.is_current(now) else []


def _looked(row: Coverage, *, is_kept: bool) -> Look:
    scan = cast(Scan, row.scan)
    area = Area.of(scan.plan)
    return Look(scan, area, area.addresses, row.began_at, row.ended_at, row.every_seconds, is_kept)


def _of_network(network: Network, wanted: tuple[Span, ...], looks: Sequence[Look]) -> Coverage:
    """What is known there counts as answering only where one of the looks asked it; an address has many ports."""
    asked = [Asked.of(look.area, look.began) for look in looks]
    counts = [count_answers(rows, asked) for rows in _endpoints(network, wanted)]
    known, answered = (sum(each) for each in zip(*counts, strict=True))
    columns = _proof(wanted, [look for look in looks if subtract(wanted, look.spans) != wanted])
    return Coverage(network=network, answered=answered, known=known, missed=known - answered, **columns)


def _proof(wanted: tuple[Span, ...], looks: Sequence[Look]) -> dict[str, Any]:
    """By the last run that asked all of it, or by several that did so together; or else in part.

    What nobody repeats decides only where those who do repeat leave something out.
    """
    for some_looks in ([look for look in looks if look.is_kept], looks):
        if alone := [look for look in some_looks if not subtract(wanted, look.spans)]:
            return _columns([max(alone, key=lambda look: look.ended)], min, alone)
        if not subtract(wanted, merge(span for look in some_looks for span in look.spans)):
            return _columns(some_looks, max, some_looks)
    return {**_columns(looks, max, looks), "is_whole": False}


def _columns(used: Sequence[Look], choose: Callable[[list[int]], int], who: Sequence[Look]) -> dict[str, Any]:
    every = [look.every for look in who if look.every]
    return {
        "scan": used[0].scan,
        "began_at": min(look.began for look in used),
        "ended_at": min(look.ended for look in used),
        "every_seconds": choose(every) if every else None,
        "is_whole": True,
    }


def _coverage(row: Source | Network) -> Coverage | None:
    found: Coverage | None = getattr(row, "coverage", None)
    return found


def _endpoints(network: Network, wanted: tuple[Span, ...]) -> Iterator[QuerySet[Endpoint]]:
    """All that ever served there and is not retired, whatever its port."""
    rows = Endpoint.objects.alive().filter(zone=network.zone.name, last_seen_at__isnull=False)
    return (rows.filter(within(part)) for part in some(wanted))


# --- what it is worth now -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stood(Generic[Row]):
    """A source or a network, and how it stands now. What is no permission to probe is nothing to cover."""

    row: Row
    standing: Standing

    @property
    def is_judged(self) -> bool:
        if isinstance(self.row, Network):
            return self.row.purpose == Network.Purpose.PROBE and not self.row.is_excluded
        return True


def sources_now(sources: Iterable[Source], now: datetime) -> list[Stood[Source]]:
    """Say how sources stand; read them with ``select_related("coverage")``."""
    return [Stood(row, standing(_evidence(row, is_on=row.enabled, every=row.every_seconds), now)) for row in sources]


def networks_now(networks: Iterable[Network], now: datetime) -> list[Stood[Network]]:
    return [Stood(row, standing(_evidence(row), now)) for row in networks]


def _evidence(row: Source | Network, *, is_on: bool = True, every: int | None = None) -> Evidence:
    coverage = _coverage(row)
    if coverage is None:
        return Evidence(is_on=is_on)
    seconds = every or coverage.every_seconds
    return Evidence(
        looked_at=coverage.ended_at,
        every=timedelta(seconds=seconds) if seconds else None,
        answered=coverage.answered,
        known=coverage.known,
        missed=coverage.missed,
        is_whole=coverage.is_whole,
        is_on=is_on,
        error=coverage.error,
    )
