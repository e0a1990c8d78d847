"""How fresh the looks behind a report are, and which endpoints of its scope were not judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from inventory import filters
from inventory.filters import Filtered
from inventory.models import Certificate, Endpoint, ServedChain

# What a filter of certificates may ask that endpoints can answer for themselves.
SHARED = ("team", "environment", "tag", "source")


def freshness(found: Filtered[Certificate], user: User, now: datetime, zone: tzinfo) -> dict[str, Any]:
    endpoints = of_scope(found, user, now)
    not_judged = filters.endpoints("judged=no", user, now).queryset.filter(pk__in=endpoints.order_by().values("pk"))
    reasons = Counter(_why(*each) for each in not_judged.values_list("outcome", "reason").order_by())
    looks = endpoints.exclude(last_seen_at=None).order_by("last_seen_at").values_list("last_seen_at", flat=True)
    return {
        "endpoints": endpoints.count(),
        "not_judged": sum(reasons.values()),
        "reasons": ranked(reasons.elements()),
        "oldest": moment_text(looks.first(), zone),
        "newest": moment_text(looks.last(), zone),
    }


def of_scope(found: Filtered[Certificate], user: User, now: datetime) -> QuerySet[Endpoint]:
    """The endpoints that a report answers for.

    Those that serve, or served last, a certificate in scope; and, as long as only what both have is asked for (owner,
    environment, tag, source), those that are asked for alike: an endpoint that never answered has no certificate, and
    must not drop out of what was not judged.
    """
    alive = Endpoint.objects.visible_to(user).alive()
    asked = {chip.param for chip in found.chips} - {"kind"}
    if not asked:
        return alive
    certificates = found.queryset.order_by().values("pk")
    served = ServedChain.objects.filter(certificate__in=certificates).values("endpoint")
    in_scope = Q(certificate__in=certificates) | Q(pk__in=served)
    if asked.issubset(SHARED):
        shared = {name: found.asked.getlist(name) for name in asked}
        in_scope |= Q(pk__in=filters.endpoints(shared, user, now).queryset.order_by().values("pk"))
    return alive.filter(in_scope)


def _why(outcome: str, reason: str) -> str:
    """Why the last look at an endpoint is no evidence: it brought no certificate, or it is too long ago."""
    if outcome == Endpoint.Outcome.SERVED:
        return "answered too long ago"
    return f"{outcome}: {reason}".strip(": ") or "never tried"


def ranked(values: Iterable[str]) -> list[list[Any]]:
    """The commonest first; equals in order, so that the same data gives the same document."""
    counts = Counter(values)
    return [[value, count] for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def moment_text(moment: datetime | None, zone: tzinfo) -> str:
    """A moment by the clocks of a zone, with its offset: whoever shows it needs no table of zones, which may change."""
    return moment.astimezone(zone).isoformat() if moment else ""
