"""What discovery does by the clock: start what is due, end what is finished, go on where a worker died."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from certdash.lib.work import OPEN, WorkStatus
from discovery.models import Scan, Source, Zone
from discovery.services.coverage import ended_runs, note_run
from discovery.services.plans import Ask, ScanRefusedError
from discovery.services.queue import feed
from discovery.services.scans import ERROR_LENGTH, finish_scan, start_scan
from discovery.services.schedule import organisation_zone, quiet_until
from inventory.status import AHEAD

log = logging.getLogger(__name__)


def tick(now: datetime) -> list[str]:
    """Do what is due now; return what went wrong, so that it is told."""
    errors = start_due_sources(now)
    for scan_id in Scan.objects.open().values_list("pk", flat=True):
        finish_scan(scan_id, now)
    for zone in Zone.objects.values_list("name", flat=True):
        feed(zone, now)
    return errors + note_ended_runs(now)


def start_due_sources(now: datetime) -> list[str]:
    errors = []
    due = Source.objects.filter(_is_due(now), enabled=True).select_related("zone")
    for source in due.exclude(scans__status__in=OPEN):
        try:
            run_source(source, now)
        # One source that cannot start must not keep the others from starting.
        except Exception as error:
            log.exception("source %s could not be started", source.pk)
            errors.append(f"source {source.pk}: {type(error).__name__}: {error}")
    return errors


def _is_due(now: datetime) -> Q:
    """Its moment has come, or lies further ahead than its interval: then it was set by a clock that was ahead."""
    due = Q(next_run_at__lte=now)
    for seconds in Source.objects.order_by().values_list("every_seconds", flat=True).distinct():
        due |= Q(every_seconds=seconds, next_run_at__gt=now + timedelta(seconds=seconds) + AHEAD)
    return due


def note_ended_runs(now: datetime) -> list[str]:
    errors = []
    for scan in ended_runs():
        try:
            note_run(scan, now)
        # One run that cannot be read must not keep the others from being noted.
        except Exception as error:
            log.exception("what scan %s proved could not be noted", scan.pk)
            errors.append(f"scan {scan.pk}: {type(error).__name__}: {error}")
    return errors


@transaction.atomic
def run_source(source: Source, now: datetime) -> Scan | None:
    """Start a due source, once however often this is called: moving ``next_run_at`` is the claim.

    In its quiet hours it waits for their end. What it missed while nothing ran is not caught up.
    """
    local = now.astimezone(organisation_zone())
    quiet = quiet_until(source.quiet_from, source.quiet_until, local)
    following = quiet or now + timedelta(seconds=source.every_seconds)
    row = Source.objects.filter(pk=source.pk, next_run_at=source.next_run_at)
    if not row.update(next_run_at=following, **({} if quiet else {"last_run_at": now})) or quiet:
        return None
    try:
        return start_scan(Ask.of_source(source), actor=None, now=now, title=source.name, source=source)
    except ScanRefusedError as error:
        return _refused(source, error, now)


def _refused(source: Source, error: ScanRefusedError, now: datetime) -> Scan:
    """A source whose permission was taken away must be seen to fail, not to be quiet."""
    return Scan.objects.create(
        source=source,
        title=source.name,
        zone=source.zone,
        engine=source.engine,
        status=WorkStatus.FAILED,
        error=str(error)[:ERROR_LENGTH],
        created_at=now,
        finished_at=now,
        plan={"targets": source.targets},
    )
