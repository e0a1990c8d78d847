"""The parameters of domains: only those of certificates that the person may see, with how many stand under each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import CharField, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy

from accounts.models import User
from inventory.filters.base import EstateFilter, Filtered, Named, Person, Query, filtered
from inventory.filters.fields import Text, Texts
from inventory.filters.paging import Sort
from inventory.filters.standing import known_teams
from inventory.models import Domain, DomainCertificate, Total
from inventory.models.totals import DOMAIN, counted_for
from inventory.names import normalise

# Naming more of them in each statement takes longer than finding them again.
FEW = 500
# Gathering more certificates of a domain than this takes longer than a person waits.
MANY = 100_000


class DomainFilter(EstateFilter):
    first_sort = "name"
    sorts = (
        Sort("name", "name", label=gettext_lazy("Name")),
        Sort("certificates", "seen", "number", label=gettext_lazy("Certificates")),
        Sort("first_seen", "first_seen_at", "time", label=gettext_lazy("First seen")),
    )

    q = Text(label=gettext_lazy("Search"), method="matching", max_length=300)
    team = Texts(label=gettext_lazy("Owner"), method="of_teams")

    def matching(self, queryset: QuerySet[Domain], _name: str, text: str) -> QuerySet[Domain]:
        return queryset.filter(name__contains=normalise(text))

    def known_team(self, slugs: Sequence[str]) -> dict[str, Named]:
        return known_teams(self.user, slugs)

    def of_teams(self, queryset: QuerySet[Domain], _name: str, _slugs: Sequence[str]) -> QuerySet[Domain]:
        return queryset.annotate(seen=_seen(self.user, self.owners())).filter(seen__gt=0)

    def owners(self) -> Q:
        """Whose certificates count: those of the chosen teams, or all."""
        if not (slugs := self.asked.getlist("team")):
            return Q()
        teams = [self.known["team"][slug].pk for slug in slugs]
        mine = Q(owner_team__in=[pk for pk in teams if pk is not None])
        return mine | Q(owner_team=None) if None in teams else mine


def domains(query: Query, user: Person, now: datetime) -> Filtered[Domain]:
    """The domains that a query string means; each row has ``seen``, the certificates under it that the person sees."""
    result: Filtered[Domain] = filtered(DomainFilter, visible_domains(user), query, user, now)
    return result


def visible_domains(user: Person) -> QuerySet[Domain]:
    return Domain.objects.annotate(seen=_seen(user, Q())).filter(seen__gt=0)


def _seen(user: Person, owners: Q) -> Subquery:
    """From kept totals: whatever the size of a domain, its number costs a few rows."""
    scope = counted_for(user) if isinstance(user, User) else Q(pk__in=[])
    kept: Any = Total.objects.filter(scope, owners, dimension=DOMAIN, value=Cast(OuterRef("pk"), CharField()))
    return Subquery(
        kept.order_by().values("value").annotate(number=Sum("count")).values("number"), output_field=IntegerField()
    )


def under_domains(domains: Sequence[int]) -> Q | Exists:
    """The condition that a certificate stands under one of these domains.

    Few are read once, for page, count and facets; of most of an estate any walk through an index meets some at once;
    those between are gathered by the database.
    """
    under = DomainCertificate.objects.filter(domain__in=domains).order_by()
    found = under.values_list("certificate", flat=True)
    first = list(found[: FEW + 1])
    if len(first) <= FEW:
        return Q(pk__in=set(first))
    if len(found[MANY : MANY + 1]):
        return Exists(under.filter(certificate=OuterRef("pk")))
    return Q(pk__in=found)
