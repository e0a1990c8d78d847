"""Open ports that do not speak TLS and that nobody named: all that the person may know of, or those of one scan."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from certdash.lib.htmx import HtmxRequest
from discovery.models import Candidate, Scan
from discovery.services import CANDIDATES_KEPT
from inventory.filters import Count, count_up_to, in_words, page_links
from inventory.filters.paging import Sort, page_at
from inventory.services.writing import among

SHOWN = 50
NEWEST_FIRST = Sort("seen", "last_seen_at", "time", descending=True)
# Plans may be long, and no line shows them.
NOT_SHOWN = ("scan__plan", "scan__reasons")


@require_safe
def candidate_list(request: HtmxRequest) -> HttpResponse:
    """What was seen last comes first. ``?scan=`` asks for what one scan found, what has become an endpoint included."""
    scan = _scan(request)
    found = sorted(scan.candidate_ids()) if scan else []
    rows = Candidate.objects.filter(among("pk", found)) if scan else _waiting(request)
    page, problem = page_at(rows, NEWEST_FIRST, request.GET.get("after", ""), SHOWN)
    count = count_up_to(rows)
    context = {
        "scan": scan,
        "with_scan": scan is None,
        "candidates": page.rows,
        "problem": problem,
        "page": page_links(request.GET, page),
        "count": count.number,
        "count_words": in_words(count),
        "forgotten": _forgotten(found, count),
        "kept_days": CANDIDATES_KEPT.days,
    }
    return render(request, "discovery/candidate_list.html", context)


def _scan(request: HtmxRequest) -> Scan | None:
    text = request.GET.get("scan", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return get_object_or_404(Scan.objects.visible_to(request.user).defer("plan"), pk=int(text))


def _waiting(request: HtmxRequest) -> QuerySet[Candidate]:
    return Candidate.objects.visible_to(request.user).waiting().select_related("scan").defer(*NOT_SHOWN)


def _forgotten(found: list[int], count: Count) -> int:
    """How many of those that the scan found are no longer kept, as far as that was counted."""
    return len(found) - count.number if found and count.exact else 0
