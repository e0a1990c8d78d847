"""The parameters of issuers: only those of certificates that the person may see, with how many each signed."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy

from inventory.filters.base import EstateFilter, Filtered, Person, Query, filtered
from inventory.filters.fields import Text
from inventory.filters.paging import Sort
from inventory.filters.search import issuers_matching
from inventory.models import Certificate, Issuer


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
    number = signed.values("issuer").annotate(number=Count("pk")).values("number")
    # One that is seen is enough to show an issuer: its certificates are counted once, for the column alone.
    return Issuer.objects.filter(Exists(signed)).annotate(signed=Subquery(number, output_field=IntegerField()))
