"""Reading what there is to say, as one reader sees it."""

from __future__ import annotations

from datetime import date, datetime

from alerts.snapshot import certificates, work
from alerts.snapshot.scope import Scope
from alerts.snapshot.values import Daily
from inventory.services import totals


def take(scope: Scope, day: date, since: datetime) -> Daily:
    """Worst first. ``since``: when work was last told of; in a number of queries that does not grow with the estate."""
    parts = [
        certificates.expired(scope),
        certificates.expiring(scope),
        certificates.unseen(scope),
        work.clockwork(scope),
        work.scans(scope),
        work.imports(scope, since),
        certificates.unowned(scope),
    ]
    unjudged, paths = scope.endpoints(judged="no")
    # Counted in full: a capped number would say that all is well in a large estate.
    not_judged = unjudged.queryset.order_by().count()
    population = max(_population(scope), not_judged)
    return Daily(
        at=scope.now,
        day=day,
        parts=[part for part in parts if part.count.number],
        judged=population - not_judged,
        population=population,
        unjudged_paths=paths,
        everything=scope.is_everything,
    )


def _population(scope: Scope) -> int:
    """Kept totals know what a person sees; of an address without an account it is counted."""
    if not scope.is_person:
        return scope.endpoints()[0].queryset.order_by().count()
    kept = totals.numbers(scope.user, totals.ENDPOINTS, mine=not scope.is_everything)
    return kept[totals.ENDPOINTS].get("total", 0)
