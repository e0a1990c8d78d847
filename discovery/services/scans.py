"""Scans: started by a person, a source or a command; ended when every place has its answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from certdash.lib.work import OPEN, WorkStatus
from discovery.addresses import Plan, Problem, Targets, parse_target
from discovery.models import Scan, ScanShard, Source, Zone
from discovery.probe import Place
from discovery.services.networks import PROBE, default_zone, egress_policy, refusals
from discovery.services.plans import Ask, Read, ScanRefusedError, freeze, read_ask, require_size, shard_bounds
from discovery.services.queue import feed, hand_over
from inventory.addresses import unpack
from inventory.models import Certificate, Endpoint

Kind = Scan.Kind
ERROR_LENGTH = 2000
AT_ONCE = 1000


@transaction.atomic
def start_scan(
    ask: Ask,
    *,
    actor: User | None,
    now: datetime,
    title: str = "",
    zone: Zone | None = None,
    source: Source | None = None,
    kind: Scan.Kind = Kind.SCAN,
) -> Scan:
    """Begin to look. Nothing is connected to here; workers take the shards.

    Raises ScanRefusedError, and starts nothing, if an item cannot be read or an address is in no network that may be
    probed. ``actor`` None is the clock or the command line.
    """
    if actor is not None:
        require_own(source, actor)
    zone = zone or (source.zone if source else default_zone())
    read, plan = permitted(ask, zone)
    frozen = freeze(ask, read, secrets.randbelow(2**31), source)
    scan = _scan(frozen, now, title=title or _title(ask), zone=zone, source=source, kind=kind, actor=actor)
    scan.engine, scan.asked, scan.excluded = ask.engine, plan.size + plan.excluded, plan.excluded
    scan.reasons = {"excluded": plan.excluded} if plan.excluded else {}
    _begin(scan, plan.size, now)
    audit(actor, "scan.started", scan, after={"title": scan.title, "places": plan.size, "zone": zone.name}, now=now)
    return scan


def permitted(ask: Ask, zone: Zone) -> tuple[Read, Plan]:
    """Read what is asked for; raises ScanRefusedError if no run of it may begin, or could end."""
    policy = egress_policy(PROBE, zone.name)
    read = read_ask(ask, policy.excluded, partial(refusals, policy=policy))
    plan = read.plan()
    require_size(plan)
    return read, plan


def require_own(source: Source | None, actor: User) -> None:
    """Operators keep and run sources of their own teams, administrators all; anybody who may change may ask once."""
    user = require_change(actor)
    if source is None or user.is_administrator:
        return
    if not user.memberships.filter(team=source.owner_team_id).exists():
        raise PermissionDenied(_("A source is kept and run by the team that owns it: choose one of your teams."))


def _scan(frozen: Any, now: datetime, *, actor: User | None, **columns: Any) -> Scan:
    return Scan(plan=frozen, created_at=now, requested_by=actor, **columns)


def _title(ask: Ask) -> str:
    items = [item for line in ask.targets.splitlines() for item in line.split(",") if item.strip()]
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return (", ".join(item.strip() for item in items[:3]) + more)[:300]


def _begin(scan: Scan, size: int, now: datetime) -> None:
    bounds = list(shard_bounds(size))
    scan.total = len(bounds)
    scan.save()
    shards = ScanShard.objects.bulk_create(
        ScanShard(scan=scan, number=number, first=first, last=last, asked=last - first, total=1, created_at=now)
        for number, (first, last) in enumerate(bounds)
    )
    if scan.kind == Kind.CHECK:
        hand_over(shards[0], scan.zone.name, now)
    else:
        feed(scan.zone.name, now)


@transaction.atomic
def start_listed_scan(
    places: Sequence[Place], *, actor: User | None, now: datetime, title: str, zone: Zone | None = None
) -> Scan:
    """Begin to look at places that are listed one by one, each with its own server name.

    Raises ScanRefusedError as ``start_scan`` does.
    """
    if actor is not None:
        require_change(actor)
    zone = zone or default_zone()
    targets = Targets(tuple(dict.fromkeys(parse_target(place.address) for place in places)))
    if problems := refusals(targets, egress_policy(PROBE, zone.name)):
        raise ScanRefusedError(problems)
    rows = [[place.address, place.port, place.server_name, place.protocol] for place in dict.fromkeys(places)]
    scan = _listed(rows, now, title=title[:300], zone=zone, kind=Kind.SCAN, actor=actor)
    audit(actor, "scan.started", scan, after={"title": title, "places": len(rows), "zone": zone.name}, now=now)
    return scan


def _listed(rows: list[list[Any]], now: datetime, **columns: Any) -> Scan:
    frozen = {"places": rows, "rate_limit": 500, "schedule_seconds": None}
    scan = _scan(frozen, now, source=None, **columns)
    scan.asked = len(rows)
    _begin(scan, len(rows), now)
    return scan


def check_now(text: str, *, actor: User, now: datetime, zone: Zone | None = None) -> Scan:
    """Look at one ``host[:port]`` at once, because a person waits: the page polls the scan that this returns.

    Raises ScanRefusedError.
    """
    ask = Ask(text.strip())
    read = read_ask(ask)
    if read.targets.size != 1:
        instead = "write one host or address, such as www.example.org:443"
        raise ScanRefusedError([Problem(1, text[:80], "is more than one place", instead)])
    return start_scan(ask, actor=actor, now=now, title=text.strip()[:300], zone=zone, kind=Kind.CHECK)


@transaction.atomic
def request_probe(endpoints: Iterable[Endpoint], *, title: str, now: datetime, actor: User | None = None) -> list[Scan]:
    """Ask known endpoints again soon; one scan per zone. Whoever waits looks for an observation newer than ``now``."""
    by_zone: dict[str, list[list[Any]]] = {}
    for row in endpoints:
        place = [unpack(bytes(row.address)), row.port, row.server_name, row.protocol]
        by_zone.setdefault(row.zone, []).append(place)
    scans = []
    for name, places in sorted(by_zone.items()):
        zone, _created = Zone.objects.get_or_create(name=name)
        scans.append(_listed(places, now, title=title[:300], zone=zone, kind=Kind.VERIFY, actor=actor))
    for scan in scans:
        after = {"title": scan.title, "places": scan.asked, "zone": scan.zone.name}
        audit(actor, "scan.started", scan, after=after, now=now)
    return scans


@transaction.atomic
def cancel_scan(scan: Scan, *, actor: User | None, now: datetime) -> bool:
    """Stop a scan. What was recorded stays. False if it had ended already. ``actor`` None is the command line."""
    if actor is not None and not Scan.objects.visible_to(require_change(actor)).filter(pk=scan.pk).exists():
        raise PermissionDenied(_("You may not cancel this scan."))
    taken = Scan.objects.open().filter(pk=scan.pk)
    if not taken.update(status=WorkStatus.CANCELLED, cancelled_by=actor, finished_at=now, claim_until=None):
        return False
    # Running shards notice by themselves; those that wait, or whose worker is gone, end here.
    scan.shards.claimable(now).update(status=WorkStatus.CANCELLED, finished_at=now, claim_until=None)
    audit(actor, "scan.cancelled", scan, after={"title": scan.title}, now=now)
    return True


@transaction.atomic
def finish_scan(scan_id: int, now: datetime) -> bool:
    """End a scan that has no open shard. It is done only if every place has its answer."""
    scan = Scan.objects.select_for_update().filter(pk=scan_id, status__in=OPEN).first()
    if scan is None or scan.shards.open().exists():
        return False
    shards = list(scan.shards.values_list("status", "error", "seen", "lost"))
    errors = sorted({error for status, error, *_ in shards if error})
    scan.certificates = len(_union(seen for *_, seen, _lost in shards))
    scan.gone = _count_gone(sorted(_union(lost for *_, lost in shards)))
    scan.error = _error(scan, errors)
    scan.status = WorkStatus.FAILED if scan.error else WorkStatus.DONE
    scan.finished_at, scan.claim_until = now, None
    scan.save(update_fields=["certificates", "gone", "error", "status", "finished_at", "claim_until"])
    return True


def _union(lists: Iterable[Sequence[int]]) -> set[int]:
    return {pk for one in lists for pk in one}


def _count_gone(lost: Sequence[int]) -> int:
    """In pieces: a statement takes no more than 32,766 values."""
    pieces = (lost[start : start + AT_ONCE] for start in range(0, len(lost), AT_ONCE))
    return sum(Certificate.objects.filter(pk__in=piece, nodes_serving=0).count() for piece in pieces)


def _error(scan: Scan, errors: Sequence[str]) -> str:
    if not scan.not_tried and not errors:
        return ""
    missing = f"{scan.not_tried} of {scan.asked} places were not tried."
    return " ".join([missing, *errors])[:ERROR_LENGTH]
