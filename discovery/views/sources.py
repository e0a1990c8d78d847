"""Sources: where to look again and again."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.services import require_change
from certdash.lib.htmx import HtmxRequest
from discovery import services
from discovery.forms import SourceForm, add_problems
from discovery.models import Source
from discovery.services import ScanRefusedError
from discovery.views.imports import source_of


@require_http_methods(["GET", "HEAD", "POST"])
def source_new(request: HtmxRequest) -> HttpResponse:
    user = require_change(request.user)
    # From an import: the places of its rows that nobody looked at.
    begun = source_of(user, request.GET.get("import", ""))
    owner = services.house_team_if_any() if user.is_administrator else None
    return _edit(request, user, Source(zone=services.default_zone(), **{"owner_team": owner, **begun}))


@require_http_methods(["GET", "HEAD", "POST"])
def source_edit(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_change(request.user)
    return _edit(request, user, get_object_or_404(_own(user), pk=pk))


@require_POST
def source_run(request: HtmxRequest, pk: int) -> HttpResponse:
    """Run a source now, whatever its schedule says."""
    user = require_change(request.user)
    source = get_object_or_404(_own(user), pk=pk)
    try:
        scan = services.run_now(source, actor=user, now=timezone.now())
    except ScanRefusedError as error:
        messages.error(request, str(error))
        return redirect("discovery:source_edit", pk=pk)
    return redirect("discovery:scan_detail", pk=scan.pk)


@require_POST
def source_delete(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_change(request.user)
    source = get_object_or_404(_own(user), pk=pk)
    services.delete_source(source, actor=user, now=timezone.now())
    messages.success(request, _("“%(name)s” is removed; what it found stays.") % {"name": source.name})
    return redirect("discovery:scan_list")


def _edit(request: HtmxRequest, user: User, source: Source) -> HttpResponse:
    now = timezone.now()
    form = SourceForm(request.POST if request.method == "POST" else None, instance=source, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            saved = services.save_source(form.instance, actor=user, now=now)
        except ScanRefusedError as error:
            add_problems(form, error.problems)
        else:
            messages.success(request, _saved(saved, now))
            return redirect("discovery:scan_list")
    context = {"form": form, "source": source}
    return render(request, "discovery/source_form.html", context, status=422 if form.errors else 200)


def _saved(source: Source, now: datetime) -> str:
    if not source.enabled:
        return _("“%(name)s” is saved and switched off: it looks nowhere.") % {"name": source.name}
    if source.next_run_at and source.next_run_at <= now:
        return _("“%(name)s” is saved and runs within a minute.") % {"name": source.name}
    return _("“%(name)s” is saved.") % {"name": source.name}


def _own(user: User) -> QuerySet[Source]:
    """Operators keep the sources of their teams, administrators all."""
    if user.is_administrator:
        return Source.objects.all()
    return Source.objects.filter(owner_team__in=user.memberships.values("team"))
