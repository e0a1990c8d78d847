"""Whose view a snapshot is, and the lists that its numbers are counted by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.models import User
from inventory import filters
from inventory.models import Certificate, Endpoint
from inventory.models.among import among
from inventory.models.standing import late_q
from inventory.services import totals
from policy.models import Finding, FindingQuerySet, Unjudged
from reports.snapshot.values import WEAK, Judged, most_bearable


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose view it is, at which moment, of which teams."""

    user: User
    now: datetime
    mine: bool
    teams: tuple[str, ...]
    # Primary keys of all teams of the person: as numbers, they let a database choose the index of owners.
    own: tuple[int, ...] = ()

    def query(self, **parameters: str | Sequence[str]) -> str:
        """A query string of the lists; ``mine`` adds the person's teams unless an owner is asked for."""
        if self.mine and "team" not in parameters:
            parameters["team"] = self.teams
        return urlencode(parameters, doseq=True)

    def certificates(self, **parameters: str | Sequence[str]) -> tuple[filters.Count, str]:
        """How many certificates a list shows, and its address."""
        query = self.query(**parameters)
        found = filters.certificates(query, self.user, self.now)
        count = found.count() if self.user.sees_everything else filters.count_up_to(self._by_owner(found.queryset))
        return count, list_url("inventory:certificate_list", query)

    def _by_owner(self, seen: QuerySet[Certificate]) -> QuerySet[Certificate]:
        """The same rows as what own teams and what nobody owns: each of the two is found by the index of owners."""
        rows = seen.order_by()
        return rows.filter(owner_team__in=self.own).union(rows.filter(owner_team=None), all=True)

    def certificate_list(self, **parameters: str) -> str:
        """The address of a list of certificates in use; empty if there is no value to ask for."""
        if not all(parameters.values()):
            return ""
        return list_url("inventory:certificate_list", self.query(in_use="yes", **parameters))

    def endpoints(self) -> QuerySet[Endpoint]:
        return filters.endpoints(self.query(), self.user, self.now).queryset

    def _stale(self) -> int:
        """How many answered too long ago. Few are read first: by owner, a database would read all that has one."""
        few = filters.few_of(filters.served_too_long_ago(Endpoint.objects.alive(), self.now))
        if few is None:
            return filters.served_too_long_ago(self.endpoints(), self.now).count()
        return self.endpoints().filter(among("pk", few)).count()

    def findings(self) -> FindingQuerySet:
        found = Finding.objects.visible_to(self.user)
        return found.of_teams(list(self.teams), unowned=False) if self.mine else found

    def judged(self, in_use: int) -> Judged:
        kept = totals.numbers(self.user, totals.ENDPOINTS, mine=self.mine)[totals.ENDPOINTS]
        endpoints = kept.get("total", 0)
        # What answered last is good for a time only, so that it is asked with the clock, not kept.
        stale = self._stale()
        used = filters.certificates(self.query(in_use="yes"), self.user, self.now).queryset.order_by()
        late, unweighed = self._doubtful(used, in_use)
        return Judged(
            endpoints=endpoints,
            not_judged=endpoints - kept.get(Endpoint.Outcome.SERVED, 0) + stale,
            in_use=in_use,
            late=late.number,
            undated=used.filter(not_after=None).count(),
            unweighed=unweighed.number,
            is_weighed=unweighed.exact,
            has_gaps=Unjudged.objects.exists(),
        )

    def _doubtful(self, used: QuerySet[Certificate], in_use: int) -> tuple[filters.Count, filters.Count]:
        """How many in use were not judged in time, and of how many the strength is not known, those among them.

        Few are read first, by indexes of their own. Of many more is counted than any zero could bear.
        """
        most = max(filters.MOST_COUNTED, most_bearable(in_use) + 1)
        late = filters.few_of(Certificate.objects.filter(late_q(self.now)).order_by().values_list("pk", flat=True))
        unknown = Unjudged.objects.filter(rule__in=WEAK, endpoint=None).order_by().values_list("certificate", flat=True)
        few = filters.few_of(unknown)
        are_late = late_q(self.now) if late is None else Q(among("pk", late))
        if late is None or few is None:
            doubtful = late_q(self.now) | Q(pk__in=unknown)
        else:
            doubtful = Q(among("pk", {*late, *few}))
        count = partial(filters.count_up_to, most=most)
        return count(used.filter(are_late)), count(used.filter(doubtful))


def list_url(name: str, query: str) -> str:
    return f"{reverse(name)}?{query}" if query else reverse(name)
