"""Panels of other pages: what was seen of a certificate or an endpoint, and when."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import AuditEvent
from certdash.lib.htmx import HtmxRequest, page_or_fragment
from discovery.models import Observation, Posture
from inventory.models import Certificate, Endpoint

SHOWN = 50
RETIREMENT = ("endpoint.retired", "endpoint.unretired", "endpoint.revived")


@require_safe
def certificate_history(request: HtmxRequest, pk: int) -> HttpResponse:
    certificate = get_object_or_404(Certificate.objects.visible_to(request.user), pk=pk)
    visible = Endpoint.objects.visible_to(request.user)
    spans = Observation.objects.filter(chain__leaf=certificate, endpoint__in=visible)
    return _panel(request, spans, certificate.name)


@require_safe
def endpoint_history(request: HtmxRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(Endpoint.objects.visible_to(request.user), pk=pk)
    about = AuditEvent.objects.filter(subject_type=Endpoint._meta.label_lower, subject_id=str(pk))
    events = about.filter(verb__in=RETIREMENT).order_by("-number")[:SHOWN]
    postures = Posture.objects.filter(endpoint=endpoint).order_by("-first_seen_at", "-pk")[:SHOWN]
    return _panel(request, Observation.objects.filter(endpoint=endpoint), endpoint.place, events, postures)


def _panel(
    request: HtmxRequest,
    spans: QuerySet[Observation],
    subject: str,
    events: Iterable[AuditEvent] = (),
    postures: Iterable[Posture] = (),
) -> HttpResponse:
    rows = list(spans.select_related("endpoint", "chain__leaf", "scan").order_by("-first_seen_at", "-pk")[:SHOWN])
    leaves = Certificate.objects.visible_to(request.user).filter(
        pk__in=[row.chain.leaf_id for row in rows if row.chain]
    )
    opened = set(leaves.values_list("pk", flat=True))
    context = {
        "spans": rows,
        "subject": subject,
        "open_certificates": opened,
        "events": events,
        "postures": postures,
    }
    return render(request, page_or_fragment(request, "discovery/history.html", "panel"), context)
