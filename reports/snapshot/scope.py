"""Whose view a snapshot is, and the lists that its numbers are counted by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from inventory import filters
from inventory.models import Certificate, Endpoint
from inventory.models.standing import late_q
from inventory.services import totals
from policy.models import Finding, FindingQuerySet, Unjudged
from reports.snapshot.values import WEAK, Judged


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose view it is, at which moment, of which teams."""

    user: User
    now: datetime
    mine: bool
    teams: tuple[str, ...]

    def query(self, **parameters: str | Sequence[str]) -> str:
        """A query string of the lists; ``mine`` adds the person's teams unless an owner is asked for."""
        if self.mine and "team" not in parameters:
            parameters["team"] = self.teams
        return urlencode(parameters, doseq=True)

    def certificates(self, **parameters: str | Sequence[str]) -> tuple[filters.Count, str]:
        """How many certificates a list shows, and its address."""
        query = self.query(**parameters)
        return filters.certificates(query, self.user, self.now).count(), list_url("inventory:certificate_list", query)

    def certificate_list(self, **parameters: str) -> str:
        """The address of a list of certificates in use; empty if there is no value to ask for."""
        if not all(parameters.values()):
            return ""
        return list_url("inventory:certificate_list", self.query(in_use="yes", **parameters))

    def endpoints(self) -> QuerySet[Endpoint]:
        return filters.endpoints(self.query(), self.user, self.now).queryset

    def findings(self) -> FindingQuerySet:
        found = Finding.objects.visible_to(self.user)
        return found.of_teams(list(self.teams), unowned=False) if self.mine else found

    def judged(self, in_use: int) -> Judged:
        # Counted in full: a capped number would turn zeros green in a large estate.
        not_judged = filters.endpoints(self.query(judged="no"), self.user, self.now).queryset.count()
        kept = totals.numbers(self.user, totals.ENDPOINTS, mine=self.mine)[totals.ENDPOINTS]
        used = filters.certificates(self.query(in_use="yes"), self.user, self.now).queryset.order_by()
        late_in_use = used.filter(late_q(self.now)).count()
        # Both are few and found by an index; what is in use are many.
        late = Certificate.objects.filter(late_q(self.now)).values("pk")
        unknown = Unjudged.objects.filter(rule__in=WEAK, endpoint=None).values("certificate")
        return Judged(
            endpoints=kept.get("total", 0),
            not_judged=not_judged,
            in_use=in_use,
            late=late_in_use,
            undated=used.filter(not_after=None).count(),
            unweighed=late_in_use + used.filter(pk__in=unknown).exclude(pk__in=late).count(),
            has_gaps=Unjudged.objects.exists(),
        )


def list_url(name: str, query: str) -> str:
    return f"{reverse(name)}?{query}" if query else reverse(name)
