"""Is the process up, and can it do its work? And the pages for requests that could not be answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
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

HEARTBEAT_AT_MOST = timedelta(minutes=3)
# Clocks of several machines differ a little.
AHEAD_AT_MOST = timedelta(seconds=30)


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
        checks = {"database": database(), "migrations": migrations(), "worker": worker(now)}
    except DatabaseError:
        # The driver's own words may name hosts and users; they are in the log and in `manage.py doctor`.
        return {"database": "the database does not answer"}
    return {name: reason for name, reason in checks.items() if reason}


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied: run manage.py prepare" if missing else ""


def worker(now: datetime) -> str:
    if TickRun._meta.db_table not in connection.introspection.table_names():
        return "no worker has run yet"
    last = TickRun.objects.filter(name="heartbeat").aggregate(at=Max("finished_at"))["at"]
    if last is None:
        return "no worker has run yet"
    age = now - last
    if age > HEARTBEAT_AT_MOST:
        return f"the last sign of a worker is {int(age.total_seconds())} seconds old"
    if age < -AHEAD_AT_MOST:
        return "the last sign of a worker is in the future: the clock was changed"
    return ""


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"csrf": True}, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plainest("400.html", request, 400)


def server_error(request: HttpRequest) -> HttpResponse:
    return _plainest("500.html", request, 500)


def _plainest(template: str, request: HttpRequest, status: int) -> HttpResponse:
    """Show a page that asks neither the database nor the session: either may be what failed."""
    context = {"request_id": request.META.get("CERTDASH_REQUEST_ID", "")}
    return HttpResponse(render_to_string(template, context), status=status)
