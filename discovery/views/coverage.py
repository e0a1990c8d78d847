"""What the last scans proved of all that we look at: a page, and a panel of the overview."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from certdash.lib.htmx import HtmxRequest, page_or_fragment, wants_fragment
from discovery import services
from discovery.models import Candidate, Network, Source
from discovery.reasons import State
from inventory.filters import count_up_to, in_words

PANEL_SHOWS = 4
# What somebody switched off on purpose comes after what went wrong.
ORDER = [*(state for state in State if state not in (State.OFF, State.COVERED)), State.OFF, State.COVERED]


@require_safe
def coverage(request: HtmxRequest) -> HttpResponse:
    """Sources that the person may see, and all networks: first what is not covered."""
    now = timezone.now()
    sources = services.sources_now(Source.objects.visible_to(request.user).select_related("coverage"), now)
    allowed = Network.objects.filter(purpose=Network.Purpose.PROBE, is_excluded=False)
    networks = services.networks_now(allowed.select_related("coverage"), now)
    lines = [("source", line) for line in sources] + [("network", line) for line in networks]
    lines.sort(key=lambda one: ORDER.index(one[1].standing.state))
    open_lines = [one for one in lines if not one[1].standing.is_good]
    context = {
        "lines": lines,
        "open": open_lines,
        "shown": open_lines[:PANEL_SHOWS],
        "left": len(open_lines) - PANEL_SHOWS,
        "covered": len(lines) - len(open_lines),
        **({} if wants_fragment(request) else _open_ports(request)),
    }
    return render(request, page_or_fragment(request, "discovery/coverage.html", "panel"), context)


def _open_ports(request: HtmxRequest) -> dict[str, Any]:
    count = count_up_to(Candidate.objects.visible_to(request.user).waiting())
    return {"candidate_count": count.number, "candidate_words": in_words(count)}
