"""Sources: where we look again and again, kept by a team or by administrators."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Team, User
from accounts.services import audit
from discovery.addresses import parse_network, parse_targets
from discovery.addresses.values import merge, subtract
from discovery.models import Coverage, Scan, Source
from discovery.services.areas import ASKED, asks_as
from discovery.services.networks import default_zone
from discovery.services.owners import house_team, require_owner
from discovery.services.plans import Ask
from discovery.services.scans import cancel_scan, permitted, require_own, start_scan

FIRST_SOURCE = "First networks"
FIRST_PORTS = "443, 8443"
# What was proved of other places, or from elsewhere, proves nothing of these.
_WHERE = (*ASKED, "zone_id")
_COLUMNS = (
    "name",
    "kind",
    *ASKED,
    "engine",
    "enabled",
    "every_seconds",
    "rate_limit",
    "quiet_from",
    "quiet_until",
)


@transaction.atomic
def save_source(source: Source, *, actor: User | None, now: datetime, origin: str = "") -> Source:
    """Add or change a source; its next run is due at once when what it asks has changed.

    Raises ScanRefusedError if an item cannot be read, is in no network that may be probed, or if it is more than one
    run may ask; OwnerMissingError if it has no owner. ``actor`` None is somebody at the command line; ``origin`` says
    so in the audit.
    """
    before = Source.objects.filter(pk=source.pk).first()
    if actor is not None:
        _require_own(source, before, actor)
    require_owner(source)
    require_possible(source)
    if before is None:
        source.created_at = now
    if before is None or _differ(before, source, (*_COLUMNS, "zone_id")):
        source.next_run_at = now
    source.save()
    if before and _differ(before, source, _WHERE):
        Coverage.objects.filter(source=source).delete()
    after = _described(source) | ({"origin": origin} if origin else {})
    verb = "source.changed" if before else "source.added"
    audit(actor, verb, source, _described(before) if before else {}, after, now=now)
    return source


def _differ(before: Source, after: Source, names: Iterable[str]) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)


def _require_own(source: Source, before: Source | None, actor: User) -> None:
    for row in (source, before):
        if row is not None:
            require_own(row, actor)


def require_possible(source: Source) -> None:
    """Raises ScanRefusedError if no run of it could begin."""
    permitted(Ask.of_source(source), source.zone)


def _described(row: Source) -> dict[str, Any]:
    team = row.owner_team.name if row.owner_team else ""
    return {name: _plain(getattr(row, name)) for name in _COLUMNS} | {"zone": row.zone.name, "owner": team}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | None) else str(value)


@transaction.atomic
def run_now(source: Source, *, actor: User, now: datetime) -> Scan:
    """Look at once, whatever the schedule says; what was due has had its turn. A run under way is that run.

    Raises ScanRefusedError.
    """
    require_own(source, actor)
    for scan in source.scans.open():
        if asks_as(source, scan):
            return scan
    scan = start_scan(Ask.of_source(source), actor=actor, now=now, title=source.name, source=source)
    source.last_run_at = now
    if source.next_run_at is None or source.next_run_at <= now:
        source.next_run_at = now + timedelta(seconds=source.every_seconds)
    source.save(update_fields=["last_run_at", "next_run_at"])
    return scan


@transaction.atomic
def delete_source(source: Source, *, actor: User | None, now: datetime) -> None:
    """Look there no more. What was found stays, and grows old in sight of everybody. ``actor`` as for saving."""
    if actor is not None:
        require_own(source, actor)
    for scan in source.scans.open():
        cancel_scan(scan, actor=actor, now=now)
    before, pk = _described(source), source.pk
    source.delete()
    source.pk = pk
    audit(actor, "source.deleted", source, before, now=now)


def first_source() -> Source:
    """Return the source of the first run, kept already or not: daily, at any hour, for administrators."""
    kept = Source.objects.filter(name=FIRST_SOURCE).first()
    return kept or Source(
        name=FIRST_SOURCE, kind=Source.Kind.NETWORK, targets="", ports=FIRST_PORTS, zone=default_zone()
    )


@transaction.atomic
def start_first_source(targets: str, ports: str, every: timedelta, *, actor: User, now: datetime) -> Scan:
    """Look at once, and again and again: a scan that nothing follows would only be true on its day.

    Whatever it finds belongs to the team of the house until somebody says otherwise.

    Raises ScanRefusedError.
    """
    source = first_source()
    source.targets, source.ports, source.every_seconds = targets, ports, int(every.total_seconds())
    source.enabled = True
    source.owner_team = source.owner_team or house_team(actor=actor, now=now)
    return run_now(save_source(source, actor=actor, now=now), actor=actor, now=now)


@transaction.atomic
def look_daily(network: str, *, origin: str, now: datetime, owner: Team) -> Source | None:
    """Have the first source look at this network too; None if some source looks at all of it already.

    Raises ScanRefusedError.
    """
    source = first_source()
    others = Source.objects.filter(zone=source.zone)
    looked_at = merge(span for other in others for span in parse_targets(other.targets).spans)
    if not subtract((parse_network(network).span,), looked_at):
        return None
    source.targets = f"{source.targets}\n{network}".strip()
    source.owner_team = source.owner_team or owner
    return save_source(source, actor=None, now=now, origin=origin)
