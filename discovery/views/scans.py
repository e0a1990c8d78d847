"""Scans: the list, a new one, the live page that stays, and one place checked now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.services import require_change
from certdash.lib.htmx import HtmxRequest, page_or_fragment
from certdash.lib.work import WorkStatus
from discovery import services
from discovery.forms import ScanForm, add_problems
from discovery.models import Candidate, Observation, Scan, Source
from discovery.services import ScanRefusedError
from discovery.views.answers import answers_of, opened, without_endpoint
from inventory.models import Certificate, Endpoint
from inventory.services.writing import among

LISTED = 30
FINDS = 40
CELLS = 2048
# No line of a list shows what was asked, which may be long.
LONG = ("plan", "reasons")


@require_safe
def scan_list(request: HtmxRequest) -> HttpResponse:
    """Sources that look by themselves, and the last scans."""
    rows = Source.objects.visible_to(request.user).select_related("owner_team", "zone", "coverage")
    sources = services.sources_now(rows, timezone.now())
    scans = list(Scan.objects.visible_to(request.user).select_related("requested_by").defer(*LONG)[: LISTED + 1])
    context = {
        "sources": sources,
        "ownerless": sum(line.row.is_ownerless for line in sources),
        "scans": scans[:LISTED],
        "are_more": len(scans) > LISTED,
    }
    return render(request, "discovery/scan_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def scan_new(request: HtmxRequest) -> HttpResponse:
    user = require_change(request.user)
    form = ScanForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        try:
            scan = services.start_scan(form.ask(), actor=user, now=timezone.now())
        except ScanRefusedError as error:
            add_problems(form, error.problems)
        else:
            return redirect("discovery:scan_detail", pk=scan.pk)
    return render(request, "discovery/scan_new.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def scan_detail(request: HtmxRequest, pk: int) -> HttpResponse:
    """A scan while it runs and for ever after. Asks for itself again as long as it is open."""
    scans = Scan.objects.visible_to(request.user).select_related("requested_by", "cancelled_by", "zone", "source")
    scan = get_object_or_404(scans.defer("plan", "source__targets"), pk=pk)
    template = page_or_fragment(request, "discovery/scan_detail.html", "scan")
    return render(request, template, _live(request, scan))


@require_POST
def scan_cancel(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_change(request.user)
    scan = get_object_or_404(Scan.objects.visible_to(user), pk=pk)
    services.cancel_scan(scan, actor=user, now=timezone.now())
    return redirect("discovery:scan_detail", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def check_now(request: HtmxRequest) -> HttpResponse:
    """Look at one ``host[:port]`` at once; the page that follows shows the answer as soon as it is there."""
    problems: list[str] = []
    text = str(request.POST.get("place", request.GET.get("place", ""))).strip()
    if request.method == "POST":
        user = require_change(request.user)
        try:
            scan = services.check_now(text, actor=user, now=timezone.now())
        except ScanRefusedError as error:
            problems = [problem.sentence for problem in error.problems]
        else:
            return redirect("discovery:scan_detail", pk=scan.pk)
    context = {"place": text, "problems": problems}
    return render(request, "discovery/check_now.html", context, status=422 if problems else 200)


@require_POST
def endpoint_probe(request: HtmxRequest, pk: int) -> HttpResponse:
    """Ask one known endpoint again, now; the scan's page shows the answer."""
    user = require_change(request.user)
    endpoint = get_object_or_404(Endpoint.objects.visible_to(user).alive(), pk=pk)
    scans = services.request_probe([endpoint], title=endpoint.place, now=timezone.now(), actor=user)
    return redirect("discovery:scan_detail", pk=scans[0].pk)


def _live(request: HtmxRequest, scan: Scan) -> dict[str, Any]:
    now = timezone.now()
    parts = {name: getattr(scan, name) for name in ("answered", "refused", "silent", "excluded", "failed")}
    began = scan.started_at or scan.created_at
    seconds = ((scan.finished_at or now) - began).total_seconds()
    # What was excluded was never asked.
    asked = scan.tried - scan.excluded
    return {
        "scan": scan,
        "now": now,
        "counts": {**parts, "not_tried": scan.not_tried},
        "percent": scan.tried * 100 // scan.asked if scan.asked else 0,
        "rate": round(asked / max(1.0, seconds)),
        "seconds": round(seconds),
        "began": began,
        "without": scan.tried - scan.answered,
        "why_waiting": services.why_waiting(scan, now) if scan.kind != Scan.Kind.CHECK else "",
        "reasons": sorted(scan.reasons.items(), key=lambda item: (-item[1], item[0])),
        "cells": list(scan.shards.order_by("number").values_list("status", flat=True)[:CELLS]),
        **_finds(request, scan, now),
        **_candidates(scan),
        **_check(request, scan, now),
        "may_cancel": request.user.may_change and scan.is_open,
        "delay": "1s" if (now - began).total_seconds() < 60 else "3s",
    }


def _check(request: HtmxRequest, scan: Scan, now: datetime) -> dict[str, Any]:
    if scan.kind != Scan.Kind.CHECK:
        return {}
    waits = scan.status == WorkStatus.QUEUED and now - scan.created_at > services.PATIENCE
    return {"answers": answers_of(request, scan, now), "unanswered": without_endpoint(scan), "is_waiting": waits}


def _finds(request: HtmxRequest, scan: Scan, now: datetime) -> dict[str, Any]:
    """What the scan saw anew, newest first: the spans that it began, at endpoints that the person may see."""
    visible = Endpoint.objects.visible_to(request.user)
    spans = Observation.objects.filter(scan=scan)
    mine = spans.filter(endpoint__in=visible).order_by("-pk")
    shown = list(mine.select_related("endpoint", "chain__leaf__issuer", "chain__leaf__owner_team")[: FINDS + 1])
    finds = [_find(span, span.chain.leaf if span.chain else None, scan, now) for span in shown[:FINDS]]
    return {
        "finds": opened(request, finds),
        "are_more_finds": len(shown) > FINDS,
        # Of what others own, only that there is something.
        "are_hidden_finds": not shown and spans.exists(),
    }


def _find(span: Observation, leaf: Certificate | None, scan: Scan, now: datetime) -> dict[str, Any]:
    return {
        "span": span,
        "endpoint": span.endpoint,
        "leaf": leaf,
        "what": _what(leaf, scan),
        "status": leaf.status_at(now).value if leaf else "",
    }


def _what(leaf: Certificate | None, scan: Scan) -> str:
    if leaf is None:
        return _("no certificate")
    return _("new certificate") if leaf.first_seen_at >= scan.created_at else _("known certificate")


def _candidates(scan: Scan) -> dict[str, Any]:
    """Open ports without TLS: how many the scan found, and the first of them. Who sees the scan sees them.

    What a check found is its answer.
    """
    found = sorted(scan.candidate_ids()) if scan.failed and scan.kind != Scan.Kind.CHECK else []
    rows = list(Candidate.objects.filter(among("pk", found)).order_by("address", "port", "protocol")[:FINDS])
    # As long as there is room for more, what is not here is no longer kept.
    forgotten = len(found) - len(rows) if len(rows) < FINDS else 0
    return {
        "candidates": rows,
        "candidate_count": len(found),
        "forgotten": forgotten,
        "kept_days": services.CANDIDATES_KEPT.days,
    }
