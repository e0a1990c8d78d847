"""Handing shards to the queue: few at a time, so that ticks, checks and reports find a worker."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django_q.tasks import async_task

from certdash.lib.work import LEASE, OPEN, WorkStatus
from discovery.models import Scan, ScanShard
from discovery.models.scans import ScanQuerySet, ScanShardQuerySet
from discovery.services.networks import DEFAULT_ZONE
from discovery.services.schedule import organisation_zone, quiet_until
from inventory.models import Certificate, Endpoint

RUN_SHARD = "discovery.tasks.run_shard"


def slots() -> int:
    """How many shards may be under way at once: one worker stays free."""
    return max(1, settings.WORKERS - 1)


@transaction.atomic
def feed(zone: str, now: datetime) -> int:
    """Hand waiting shards of this zone to the queue until enough are under way; return how many.

    A shard whose worker died counts as waiting as soon as its lease has run out. Scans take turns, so that a small one
    does not wait for a large one.
    """
    scans = {scan.pk: scan for scan in _awake(Scan.objects.open().filter(zone__name=zone), now)}
    under_way = Counter(_under_way(zone, now))
    handed = 0
    while scans and under_way.total() < slots():
        scan = min(scans.values(), key=lambda scan: (under_way[scan.pk], scan.pk))
        shard = _claimable(scan, now)
        if shard is None:
            del scans[scan.pk]
            continue
        # Who did not get it lost it to another who hands over: under way it is either way.
        handed += hand_over(shard, zone, now)
        under_way[scan.pk] += 1
    return handed


def may_go_on(scan_id: int, now: datetime) -> bool:
    """Whether the scan is open and outside the quiet hours of its source, which may have changed since it began."""
    return bool(_awake(Scan.objects.open().filter(pk=scan_id), now))


def _awake(scans: ScanQuerySet, now: datetime) -> list[Scan]:
    """Those outside the quiet hours of their source."""
    local = now.astimezone(organisation_zone())
    return [
        scan
        for scan in scans.select_related("source")
        if scan.source is None or not quiet_until(scan.source.quiet_from, scan.source.quiet_until, local)
    ]


def _under_way(zone: str, now: datetime) -> list[int]:
    shards = ScanShard.objects.filter(status__in=OPEN, claim_until__gte=now, scan__zone__name=zone)
    # A check is one place that a person waits for: it runs beside the others.
    return list(shards.exclude(scan__kind=Scan.Kind.CHECK).values_list("scan_id", flat=True))


def _claimable(scan: Scan, now: datetime) -> ScanShard | None:
    return _nobodys(scan.shards.all(), now).order_by("number").first()


def _nobodys(shards: ScanShardQuerySet, now: datetime) -> ScanShardQuerySet:
    """Shards that nobody works on and that are not on their way to anybody."""
    return shards.claimable(now).filter(Q(claim_until=None) | Q(claim_until__lt=now))


def hand_over(shard: ScanShard, zone: str, now: datetime) -> bool:
    """Enqueue one shard in the caller's transaction; False if somebody else did so first.

    Should the task be lost, the shard waits again after the lease. One whose worker died waits from now on.
    """
    taken = _nobodys(ScanShard.objects.filter(pk=shard.pk), now)
    if not taken.update(status=WorkStatus.QUEUED, claim_until=now + LEASE):
        return False
    enqueue(RUN_SHARD, shard.pk, zone=zone)
    return True


def enqueue(path: str, *ids: int, zone: str = DEFAULT_ZONE) -> None:
    """Enqueue a task; each zone but the default one has a cluster of its own."""
    options = {} if zone == DEFAULT_ZONE else {"cluster": zone}
    async_task(path, *ids, **options)


def call_readers(now: datetime) -> None:
    """Wake those who read what was recorded, if there is anything new for them."""
    due = {"judge_at__lte": now}
    if Certificate.objects.filter(**due).exists() or Endpoint.objects.filter(**due).exists():
        for path in settings.AFTER_RECORDING:
            enqueue(path)
