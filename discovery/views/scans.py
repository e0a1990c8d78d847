"""Scans: the list, a new one, the live page that stays, and one place checked now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
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

LISTED = 30
FINDS = 40
CELLS = 2048
# After this, a check that no worker took is not on its way but stuck.
PATIENCE = timedelta(seconds=10)


@require_safe
def scan_list(request: HtmxRequest) -> HttpResponse:
    """Sources that look by themselves, and the last scans."""
    rows = Source.objects.visible_to(request.user).select_related("owner_team", "zone", "coverage")
    sources = services.sources_now(rows, timezone.now())
    scans = Scan.objects.visible_to(request.user).select_related("requested_by", "source")[:LISTED]
    return render(request, "discovery/scan_list.html", {"sources": sources, "scans": scans})


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
    scan = get_object_or_404(
        Scan.objects.visible_to(request.user).select_related("requested_by", "zone", "source"), pk=pk
    )
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
            problems = [str(problem) for problem in error.problems]
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
    seconds = max(1.0, ((scan.finished_at or now) - began).total_seconds())
    return {
        "scan": scan,
        "now": now,
        "counts": {**parts, "not_tried": scan.not_tried},
        "percent": scan.tried * 100 // scan.asked if scan.asked else 0,
        "rate": round(scan.tried / seconds),
        "reasons": sorted(scan.reasons.items(), key=lambda item: (-item[1], item[0])),
        "cells": list(scan.shards.order_by("number").values_list("status", flat=True)[:CELLS]),
        "finds": _finds(request, scan, now),
        **_candidates(scan),
        **_check(request, scan, now),
        "may_cancel": request.user.may_change and scan.is_open,
        "delay": "1s" if (now - began).total_seconds() < 60 else "3s",
    }


def _check(request: HtmxRequest, scan: Scan, now: datetime) -> dict[str, Any]:
    if scan.kind != Scan.Kind.CHECK:
        return {}
    waits = scan.status == WorkStatus.QUEUED and now - scan.created_at > PATIENCE
    return {"answers": answers_of(request, scan, now), "unanswered": without_endpoint(scan), "is_waiting": waits}


def _finds(request: HtmxRequest, scan: Scan, now: datetime) -> list[dict[str, Any]]:
    """What the scan saw anew, newest first: the spans that it began, at endpoints that the person may see."""
    visible = Endpoint.objects.visible_to(request.user)
    spans = Observation.objects.filter(scan=scan, endpoint__in=visible)
    shown = spans.select_related("endpoint", "chain__leaf__issuer", "chain__leaf__owner_team").order_by("-pk")[:FINDS]
    finds = [_find(span, span.chain.leaf if span.chain else None, scan, now) for span in shown]
    return opened(request, finds)


def _find(span: Observation, leaf: Certificate | None, scan: Scan, now: datetime) -> dict[str, Any]:
    is_new = leaf is not None and leaf.first_seen_at >= scan.created_at
    return {
        "span": span,
        "endpoint": span.endpoint,
        "leaf": leaf,
        "what": "new" if is_new else "seen" if leaf else "no certificate",
        "status": leaf.status_at(now).value if leaf else "",
    }


def _candidates(scan: Scan) -> dict[str, Any]:
    """Open ports without TLS: how many the scan found, and the first of them. Who sees the scan sees them.

    What a check found is its answer.
    """
    found = sorted(scan.candidate_ids()) if scan.failed and scan.kind != Scan.Kind.CHECK else []
    rows = Candidate.objects.filter(pk__in=found[:FINDS]).order_by("address", "port", "protocol")
    return {"candidates": rows if found else [], "candidate_count": len(found)}
