"""What pages show of issuers: kept numbers, and those that time alone changes, which are counted up to a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Sum

from accounts.models import User
from inventory.filters import Count
from inventory.filters.base import MOST_COUNTED
from inventory.models import Certificate, Issuer, Total
from inventory.models.certificates import CertificateQuerySet
from inventory.models.status_q import status_q
from inventory.models.totals import ISSUER_IN_USE, counted_for
from inventory.status import EXPIRING_AT_MOST, Status


@dataclass(frozen=True, slots=True)
class IssuerSums:
    """Of its certificates in use: all, those that are expiring, those that are expired, and the next end."""

    in_use: int
    expiring: Count
    expired: Count
    next_end: datetime | None


class _Counted(Subquery):
    """How many rows a queryset with a limit has, of each row of the query around it."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def issuer_sums(issuers: Sequence[Issuer], user: User, now: datetime) -> dict[int, IssuerSums]:
    """Three queries, whatever the issuers signed; no row of the estate is read, only "cert_in_use_by_issuer"."""
    pks = [issuer.pk for issuer in issuers]
    in_use = _in_use(pks, user)
    conditions, used = status_q(now), _used(user).filter(issuer=OuterRef("pk"))
    # The second condition follows from the first, and lets the index begin and end there.
    expiring = used.filter(conditions[Status.EXPIRING], not_after__lte=now + EXPIRING_AT_MOST)
    found = Issuer.objects.filter(pk__in=pks).annotate(
        expired=_up_to(used.filter(conditions[Status.EXPIRED])),
        expiring=_up_to(expiring),
        next_end=Subquery(used.filter(not_after__gte=now).order_by("not_after").values("not_after")[:1]),
    )
    rows = found.order_by().values_list("pk", "expiring", "expired", "next_end")
    return {pk: IssuerSums(in_use[pk], _count(soon), _count(over), end) for pk, soon, over, end in rows}


def _used(user: User) -> CertificateQuerySet:
    return Certificate.objects.visible_to(user).in_use().filter(retired_at=None)


def _up_to(rows: QuerySet[Certificate]) -> _Counted:
    return _Counted(rows.order_by().values("pk")[: MOST_COUNTED + 1])


def _count(number: int) -> Count:
    return Count(min(number, MOST_COUNTED), number <= MOST_COUNTED)


def _in_use(issuers: Collection[int], user: User) -> Counter[int]:
    """Of leaves as it is kept; of authorities, which are few, as it is."""
    rows = Total.objects.filter(counted_for(user), dimension=ISSUER_IN_USE, value__in=[str(pk) for pk in issuers])
    found = Counter({int(value): number for value, number in rows.values_list("value").annotate(Sum("count"))})
    authorities = _used(user).filter(kind=Certificate.Kind.CA, issuer__in=issuers).order_by()
    found.update(authorities.values_list("issuer", flat=True))
    return found
