"""After a run has ended: what it proved of its source, and of the networks that it asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import transaction

from certdash.lib.work import OPEN, WorkStatus
from discovery.addresses.values import Span, merge, subtract
from discovery.models import Coverage, Network, Scan, Source
from discovery.reasons import Evidence, Standing, standing
from discovery.services.areas import Area, asks_as, count_answers, count_missed, within
from inventory.models import Endpoint
from inventory.services import SeenBy

AT_ONCE = 50
ERROR_LENGTH = 500
Row = TypeVar("Row", Source, Network)


@dataclass(frozen=True, slots=True)
class Look:
    """One ended run, for the networks in which it asked."""

    scan: Scan
    spans: tuple[Span, ...]
    began: datetime
    ended: datetime
    every: int | None


def ended_runs() -> list[Scan]:
    """Ended runs that are not noted yet, in the order in which they ended."""
    ended = Scan.objects.filter(is_noted=False).exclude(status__in=OPEN).select_related("source", "zone")
    return list(ended.order_by("finished_at", "pk")[:AT_ONCE])


def note_run(scan: Scan, now: datetime) -> None:
    """Note once what an ended run proved. A check of one place, or a run that was cancelled, proves nothing here."""
    is_worth = scan.kind == Scan.Kind.SCAN and scan.status != WorkStatus.CANCELLED
    _write(scan, _rows_of(scan, now) if is_worth else [])


def _rows_of(scan: Scan, now: datetime) -> list[Coverage]:
    """Read outside of any transaction: counting may take a while."""
    area = Area.of(scan.plan)
    source = scan.source
    rows = [_of_source(scan, source, area, now)] if source and asks_as(source, scan.plan) else []
    if scan.status == WorkStatus.DONE:
        rows += _of_networks(_look(scan, area, now))
    return rows


@transaction.atomic
def _write(scan: Scan, rows: Sequence[Coverage]) -> None:
    if not Scan.objects.filter(pk=scan.pk, is_noted=False).update(is_noted=True):
        return
    for row in rows:
        where: dict[str, Any] = {"source": row.source} if row.source else {"network": row.network}
        known = Coverage.objects.filter(**where).first()
        if known is None or known.ended_at <= row.ended_at:
            row.pk = known.pk if known else None
            row.save()


def _look(scan: Scan, area: Area, now: datetime) -> Look:
    began, ended = scan.started_at or scan.created_at, scan.finished_at or now
    return Look(scan, area.addresses, began, ended, scan.plan.get("schedule_seconds"))


def _of_source(scan: Scan, source: Source, area: Area, now: datetime) -> Coverage:
    began = scan.started_at or scan.created_at
    by = SeenBy(source.kind, source.name)
    known, missed = count_missed(area, scan.zone.name, by, began) if scan.status == WorkStatus.DONE else (0, 0)
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


def _of_networks(look: Look) -> list[Coverage]:
    """Networks that this run asked in, each by all the runs that asked in it last."""
    networks = Network.objects.filter(zone=look.scan.zone, purpose=Network.Purpose.PROBE).select_related("coverage")
    bans = merge(_span(network) for network in networks if network.is_excluded)
    wanted = {row: subtract((_span(row),), bans) for row in networks if not row.is_excluded}
    touched = {row: spans for row, spans in wanted.items() if subtract(spans, look.spans) != spans}
    if not touched:
        return []
    looks = [look, *_other_looks(look)]
    found = (_of_network(row, spans, looks) for row, spans in touched.items())
    return [row for row in found if row]


def _span(network: Network) -> Span:
    return int.from_bytes(network.first), int.from_bytes(network.last)


def _other_looks(look: Look) -> list[Look]:
    rows = Coverage.objects.filter(source__enabled=True, source__zone=look.scan.zone, error="", scan__isnull=False)
    others = rows.exclude(source=look.scan.source).select_related("scan") if look.scan.source else rows
    return [
        Look(row.scan, Area.of(row.scan.plan).addresses, row.began_at, row.ended_at, row.every_seconds)
        for row in others
        if row.scan
    ]


def _of_network(network: Network, wanted: tuple[Span, ...], looks: Sequence[Look]) -> Coverage | None:
    """By the last run that asked all of it; or else by several that did so together, or in part."""
    touching = [look for look in looks if subtract(wanted, look.spans) != wanted]
    alone = [look for look in touching if not subtract(wanted, look.spans)]
    is_whole = bool(alone) or not subtract(wanted, merge(span for look in touching for span in look.spans))
    known = _coverage(network)
    if known and known.is_whole and not is_whole:
        return None
    used = [max(alone, key=lambda look: look.ended)] if alone else touching
    began = min(look.began for look in used)
    asked, silent = count_answers(_endpoints(network, wanted), began)
    every = [look.every for look in (alone or used) if look.every]
    return Coverage(
        network=network,
        scan=used[0].scan,
        began_at=began,
        ended_at=min(look.ended for look in used),
        every_seconds=(min(every) if alone else max(every)) if every else None,
        is_whole=is_whole,
        answered=asked - silent,
        known=asked,
        missed=silent,
    )


def _coverage(row: Source | Network) -> Coverage | None:
    found: Coverage | None = getattr(row, "coverage", None)
    return found


def _endpoints(network: Network, wanted: tuple[Span, ...]) -> Any:
    rows = Endpoint.objects.alive().filter(zone=network.zone.name, last_seen_at__isnull=False)
    return rows.filter(within(wanted)) if wanted else rows.none()


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
