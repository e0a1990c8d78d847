"""Is the process up, and can it do its work? And the pages for requests that could not be answered."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import TickRun
from certdash.lib import storage
from certdash.lib.work import WorkStatus, held_q
from discovery.models import ScanShard

HEARTBEAT_AT_MOST = timedelta(minutes=3)
# The heartbeat waits its turn behind the shards of scans, and the queue ends a task after 15 minutes.
HEARTBEAT_BEHIND_WORK = timedelta(minutes=20)
# What a supervisor writes every 10 seconds while its worker runs. Several may write it: the newest counts.
SIGN = "worker process"
SIGN_AT_MOST = timedelta(seconds=45)
# Clocks of several machines differ a little.
AHEAD_AT_MOST = timedelta(seconds=30)
# Bytes. `manage.py doctor` warns far earlier; below this a database may fail to write at any moment.
LEAST_FREE = 64 * 1024**2


@require_safe
@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; asks nothing of the database."""
    return JsonResponse({"status": "up"})


@require_safe
@login_not_required
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether pages and work can be done, with a reason for each thing that cannot; 503 if any."""
    reasons = reasons_against(timezone.now())
    body = {"status": "not ready" if reasons else "ready", "reasons": reasons}
    return JsonResponse(body, status=503 if reasons else 200)


def reasons_against(now: datetime) -> dict[str, str]:
    """What keeps this installation from doing its work: check → reason. Empty means ready."""
    try:
        checks = {"database": database(), "disk": disk(), "migrations": migrations(), "worker": worker(now)}
    except DatabaseError:
        # The driver's own words may name hosts and users; they are in the log and in `manage.py doctor`.
        return {"database": "the database does not answer"}
    return {name: reason for name, reason in checks.items() if reason}


def database() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW transaction_read_only")
            return "the database cannot be written: it is read-only" if cursor.fetchone() == ("on",) else ""
        cursor.execute("SELECT 1")
    return ""


def disk() -> str:
    """Whether there is room to write, and leave to; asked without writing, since anybody may ask for /readyz."""
    if not os.access(settings.VAR, os.W_OK):
        return f"{settings.VAR} cannot be written to"
    free = shutil.disk_usage(settings.VAR).free
    if free < LEAST_FREE:
        return f"the disk of {settings.VAR} has only {free // 1024**2} MB free: what is found cannot be stored"
    return ""


def migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied: run manage.py prepare" if missing else ""


def worker(now: datetime) -> str:
    if TickRun._meta.db_table not in connection.introspection.table_names():
        return "no worker has run yet"
    return _against(_signs(), now)


def watch(request: HttpRequest) -> dict[str, Any]:
    """For the frame of every page: what /readyz would say of the worker, asked only where a page shows it."""
    return {"worker_missed": _missed}


def _missed() -> dict[str, datetime | None] | None:
    """Since when no worker has answered, None for never; None for all of it while one does, or just begins to."""
    now, last = timezone.now(), _signs()
    begins = "heartbeat" not in last and SIGN in last and now - last[SIGN] <= SIGN_AT_MOST
    if begins or not _against(last, now):
        return None
    return {"since": max(last.values(), default=None)}


def _signs() -> dict[str, datetime]:
    found = TickRun.objects.filter(name__in=("heartbeat", SIGN)).values("name").annotate(at=Max("finished_at"))
    return {row["name"]: row["at"] for row in found if row["at"]}


def _against(last: dict[str, datetime], now: datetime) -> str:
    if "heartbeat" not in last:
        return "no worker has run yet"
    if max(last.values()) - now > AHEAD_AT_MOST:
        return "the last sign of a worker is in the future: the clock was changed"
    return _too_old(last["heartbeat"], last.get(SIGN), now)


def _too_old(beat: datetime, sign: datetime | None, now: datetime) -> str:
    """A worker without supervisor gives no sign; its heartbeats, which are younger than any left sign, tell alone."""
    is_watched = sign is not None and beat <= sign + SIGN_AT_MOST
    if sign is not None and is_watched and now - sign > SIGN_AT_MOST:
        return f"no worker runs: the last sign of one is {_seconds(now - sign)} seconds old"
    if now - beat <= HEARTBEAT_AT_MOST or (is_watched and now - beat <= HEARTBEAT_BEHIND_WORK and _is_at_work(now)):
        return ""
    return f"the last sign of a worker is {_seconds(now - beat)} seconds old"


def _is_at_work(now: datetime) -> bool:
    """Whether a worker renewed its claim on a shard lately."""
    return ScanShard.objects.filter(held_q(now), status=WorkStatus.RUNNING).exists()


def _seconds(age: timedelta) -> int:
    return int(age.total_seconds())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"csrf": True}, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plainest("400.html", request, 400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles the exception, also of what stands before the views."""
    return storage.refusal(request, sys.exc_info()[1]) or _plainest("500.html", request, 500)


def too_many(request: HttpRequest) -> HttpResponse:
    """The limits are counted in the cache table: while that cannot be written, all is refused, and it must say so."""
    if not _keeps(request.META.get("CERTDASH_REQUEST_ID", "")):
        return storage.page(request, "failing")
    return render(request, "429.html", status=429)


def _keeps(word: str) -> bool:
    cache.set("written", word, timeout=60)
    return bool(cache.get("written") == word)


def _plainest(template: str, request: HttpRequest, status: int) -> HttpResponse:
    """Show a page that asks neither the database nor the session: either may be what failed."""
    context = {"request_id": request.META.get("CERTDASH_REQUEST_ID", "")}
    return HttpResponse(render_to_string(template, context), status=status)
