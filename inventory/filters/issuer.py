"""The parameters of issuers: only those of certificates that the person may see, with how many each signed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Aggregate, CharField, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext_lazy

from accounts.models import User
from inventory.filters.base import EstateFilter, Filtered, Person, Query, filtered
from inventory.filters.fields import Text
from inventory.filters.paging import Sort
from inventory.filters.search import issuers_matching
from inventory.models import Certificate, Issuer, Total
from inventory.models.totals import ISSUER, counted_for


class IssuerFilter(EstateFilter):
    first_sort = "-certificates"
    sorts = (
        Sort("certificates", "signed", "number", label=gettext_lazy("Certificates")),
        Sort("name", "label", label=gettext_lazy("Name")),
    )

    q = Text(label=gettext_lazy("Search"), method="matching", max_length=300)

    def matching(self, queryset: QuerySet[Issuer], _name: str, text: str) -> QuerySet[Issuer]:
        return queryset.filter(pk__in=issuers_matching(text).values("pk"))


def issuers(query: Query, user: Person, now: datetime) -> Filtered[Issuer]:
    """The issuers that a query string means; each row has ``signed``, the certificates of it that the person sees."""
    result: Filtered[Issuer] = filtered(IssuerFilter, visible_issuers(user), query, user, now)
    return result


def visible_issuers(user: Person) -> QuerySet[Issuer]:
    signed = Certificate.objects.visible_to(user).filter(issuer=OuterRef("pk")).order_by()
    # One that is seen is enough to show an issuer. Its leaves are kept in number; the authorities among them are few.
    authorities = _number(signed.filter(kind=Certificate.Kind.CA, retired_at=None).values("issuer"), Count("pk"))
    scope = counted_for(user) if isinstance(user, User) else Q(pk__in=[])
    kept: Any = Total.objects.filter(scope, dimension=ISSUER, value=Cast(OuterRef("pk"), CharField())).order_by()
    leaves = _number(kept.values("value"), Sum("count"))
    return Issuer.objects.filter(Exists(signed)).annotate(signed=leaves + authorities)


def _number(grouped: QuerySet[Any, Any], number: Aggregate) -> Coalesce:
    one = grouped.annotate(number=number).values("number")
    return Coalesce(Subquery(one, output_field=IntegerField()), 0)
