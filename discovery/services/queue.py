"""Handing shards to the queue: few at a time, so that ticks, checks and reports find a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django_q.models import Failure, OrmQ
from django_q.tasks import async_task

from accounts.models import TickRun
from certdash.lib.work import LEASE, OPEN, WorkStatus, held_q
from discovery.models import Scan, ScanShard
from discovery.models.scans import ScanQuerySet, ScanShardQuerySet
from discovery.services.networks import DEFAULT_ZONE
from discovery.services.schedule import organisation_zone, quiet_until
from inventory.models import Certificate, Endpoint

RUN_SHARD = "discovery.tasks.run_shard"
# Under this name the tasks of the default zone lie in the queue.
OURS = settings.Q_CLUSTER["name"]
# The queue is short, as every kind of task is handed over a few at a time; more than this is not unpacked.
LOOKED_THROUGH = 50
# Who gave a sign so lately is there: the clock calls every minute, and may be called late.
SIGN_OF_LIFE = timedelta(minutes=2)
# After this, what no worker took is not on its way.
PATIENCE = timedelta(seconds=10)
# After this, the workers of a zone are gone, or there never was one.
STALLED_AFTER = timedelta(minutes=5)
# The queue itself bounds only what it keeps of tasks that came to their end.
FAILURES_KEPT = timedelta(days=30)


def slots() -> int:
    """How many shards may be under way at once: one worker stays free."""
    return max(1, settings.WORKERS - 1)


@transaction.atomic
def feed(zone: str, now: datetime) -> int:
    """Hand waiting shards of this zone to the queue until enough are under way; return how many.

    A shard whose worker died counts as waiting as soon as its lease has run out. Scans take turns, so that a small one
    does not wait for a large one.
    """
    if _is_unread(zone, now):
        return 0
    scans = {scan.pk: scan for scan in _awake(_open(zone__name=zone), now)}
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


def _is_unread(zone: str, now: datetime) -> bool:
    """Whether enough lies in the queue of a zone that nobody fetches: without workers there, more would pile up.

    In the default zone the clock itself runs in its workers, so nothing is handed over while there are none.
    """
    return zone != DEFAULT_ZONE and OrmQ.objects.filter(key=zone, lock__lte=now).count() >= slots()


def may_go_on(scan_id: int, now: datetime) -> bool:
    """Whether the scan is open and outside the quiet hours of its source, which may have changed since it began."""
    return bool(_awake(_open(pk=scan_id), now))


def _open(**where: Any) -> ScanQuerySet:
    return Scan.objects.open().filter(**where).select_related("source", "zone").defer("plan", "reasons")


def _awake(scans: Iterable[Scan], now: datetime) -> list[Scan]:
    """Those outside the quiet hours of their source."""
    local = now.astimezone(organisation_zone())
    return [scan for scan in scans if not _quiet_until(scan, local)]


def _quiet_until(scan: Scan, local: datetime) -> datetime | None:
    return quiet_until(scan.source.quiet_from, scan.source.quiet_until, local) if scan.source else None


def _under_way(zone: str, now: datetime) -> list[int]:
    shards = ScanShard.objects.filter(held_q(now), status__in=OPEN, scan__zone__name=zone)
    # A check is one place that a person waits for: it runs beside the others.
    return list(shards.exclude(scan__kind=Scan.Kind.CHECK).values_list("scan_id", flat=True))


def _claimable(scan: Scan, now: datetime) -> ScanShard | None:
    return scan.shards.stranded(now).order_by("number").first()


def hand_over(shard: ScanShard, zone: str, now: datetime) -> bool:
    """Enqueue one shard in the caller's transaction; False if somebody else did so first.

    Should the task be lost, the shard waits again after the lease. One whose worker died waits from now on.
    """
    taken = ScanShard.objects.filter(pk=shard.pk).stranded(now)
    if not taken.update(status=WorkStatus.QUEUED, claim_until=now + LEASE):
        return False
    enqueue(RUN_SHARD, shard.pk, zone=zone)
    return True


def enqueue(path: str, *ids: int, zone: str = DEFAULT_ZONE) -> None:
    """Enqueue a task; each zone but the default one has a cluster of its own."""
    options = {} if zone == DEFAULT_ZONE else {"cluster": zone}
    async_task(path, *ids, **options)


def call_readers(now: datetime) -> None:
    """Wake those who read what was recorded, if there is anything new for them.

    Whoever waits in the queue will read it, too: one call is enough. Should a worker take that one while this is being
    written, the clock calls the next.
    """
    due = {"judge_at__lte": now}
    if Certificate.objects.filter(**due).exists() or Endpoint.objects.filter(**due).exists():
        waiting = {task.func() for task in OrmQ.objects.filter(key=OURS, lock__lte=now)[:LOOKED_THROUGH]}
        for path in settings.AFTER_RECORDING:
            if path not in waiting:
                enqueue(path)


def does_check_wait(now: datetime) -> bool:
    """Whether a person waits for a check that no worker of ours has taken yet."""
    handed = ScanShard.objects.filter(held_q(now), status=WorkStatus.QUEUED, scan__kind=Scan.Kind.CHECK)
    return handed.filter(scan__zone__name=DEFAULT_ZONE).exists()


def forget_failures(now: datetime) -> int:
    """Forget tasks that failed long ago; return how many. What failed of our work stands in its own rows."""
    count: int = Failure.objects.filter(stopped__lt=now - FAILURES_KEPT).delete()[0]
    return count


# --- what is said when nothing moves --------------------------------------------------------------


def why_waiting(scan: Scan, now: datetime) -> str:
    """Say why nobody works on an open scan at this moment; empty if somebody does."""
    if not scan.is_open or now - scan.created_at < PATIENCE:
        return ""
    at_work = set(_at_work(now).filter(scan__zone=scan.zone_id).values_list("scan", flat=True))
    # From one shard to the next, nobody has it for a moment.
    if scan.pk in at_work or scan.shards.filter(finished_at__gt=now - PATIENCE).exists():
        return ""
    if quiet := _quiet_until(scan, now.astimezone(organisation_zone())):
        return _("It waits: the quiet hours of its source end at %(time)s.") % {"time": f"{quiet:%H:%M}"}
    if at_work:
        return _("It waits for its turn: the workers look at other scans now.")
    return _without_workers(scan.zone.name, now)


def _without_workers(zone: str, now: datetime) -> str:
    if _gave_sign(zone, now):
        return _("It waits for its turn: the workers have other work now.")
    sentence = _("No worker works on it now, so nothing is asked. Does a worker of the zone “%(zone)s” run?")
    return sentence % {"zone": zone}


def _gave_sign(zone: str, now: datetime) -> bool:
    """Whether a worker of this zone began or ended something by the clock lately."""
    lately = Q(started_at__gt=now - SIGN_OF_LIFE) | Q(finished_at__gt=now - SIGN_OF_LIFE)
    return TickRun.objects.filter(lately, zone=zone).exists()


def stalled_zones(now: datetime) -> list[str]:
    """Zones where scans have waited for minutes without a worker that takes them: none runs there, it seems."""
    before = now - STALLED_AFTER
    # What slept until a moment ago is only about to be taken.
    waiting = _awake(_awake(_open(created_at__lt=before), before), now)
    at_work = _at_work(now) | ScanShard.objects.filter(finished_at__gte=before)
    return sorted({scan.zone.name for scan in waiting} - set(at_work.values_list("scan__zone__name", flat=True)))


def _at_work(now: datetime) -> ScanShardQuerySet:
    return ScanShard.objects.filter(held_q(now), status=WorkStatus.RUNNING)
