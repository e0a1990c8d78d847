"""Is the process up, and can it do its work? And the answer to a form without its token."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import TickRun

HEARTBEAT_AT_MOST = timedelta(minutes=3)


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
    checks = {"database": _database(), "migrations": "", "worker": ""}
    if not checks["database"]:
        checks |= {"migrations": _migrations(), "worker": _worker()}
    ready = not any(checks.values())
    body = {"status": "ready" if ready else "not ready", "reasons": {k: v for k, v in checks.items() if v}}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "the database does not answer"
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied: run manage.py migrate" if missing else ""


def _worker() -> str:
    beat = TickRun.objects.filter(name="heartbeat").order_by("-finished_at").first()
    if beat is None or beat.finished_at is None:
        return "no worker has run yet"
    age = timezone.now() - beat.finished_at
    if age > HEARTBEAT_AT_MOST:
        return f"the last sign of a worker is {int(age.total_seconds())} seconds old"
    return ""


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"csrf": True}, status=403)
