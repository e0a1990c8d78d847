"""Which rules could not be asked of what a report is about, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from accounts.models import User
from inventory.filters import Filtered
from inventory.models import Certificate
from policy.models import Unjudged
from reports.services.freshness import of_scope
from reports.snapshot.values import WEAK

# Servers choose some of the words, so there may be as many reasons as endpoints.
REASONS_KEPT = 5


def rules_not_judged(found: Filtered[Certificate], user: User, now: datetime) -> list[dict[str, Any]]:
    """Per rule how many certificates or endpoints in scope it was not judged of, and the commonest reasons."""
    certificates = Q(certificate__in=found.queryset.order_by().values("pk"))
    endpoints = Q(endpoint__in=of_scope(found, user, now).order_by().values("pk"))
    rows = Unjudged.objects.filter(certificates | endpoints).each_once().order_by().values_list("rule", "reason")
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for stored, reason, count in rows.annotate(Count("pk")):
        for rule in Unjudged.codes(stored):
            reasons[rule][reason] += count
    return sorted(
        (_rule(rule, counts) for rule, counts in reasons.items()), key=lambda one: (-one["count"], one["rule"])
    )


def _rule(rule: str, counts: Counter[str]) -> dict[str, Any]:
    commonest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:REASONS_KEPT]
    return {"rule": rule, "count": counts.total(), "reasons": [list(pair) for pair in commonest]}


def of_unknown_strength() -> set[int]:
    """Certificates of which nobody can say whether key or signature are weak."""
    rows = Unjudged.objects.filter(rule__in=WEAK, endpoint=None)
    return {pk for pk in rows.values_list("certificate_id", flat=True) if pk}
