"""What pages show of domains: kept numbers for all, and what must be read row by row only of those of some size."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q

from accounts.models import Team, User
from inventory.filters.words import domain_words
from inventory.models import Certificate, Domain, Severity, Total
from inventory.models.certificates import CertificateQuerySet
from inventory.models.totals import DOMAIN, DOMAIN_IN_USE, counted_for
from inventory.names import is_public, other_form

# Of a domain of more certificates, only what is kept is shown in the list: reading them would grow with the estate.
MOST_READ = 2_000
SHOWN = 10


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One domain in a list. ``sums`` is None where it has too many certificates to read them for one line."""

    domain: Domain
    certificates: int
    in_use: int
    # Primary key of the team (None: nobody) → certificates.
    owners: Mapping[int | None, int]
    sums: Mapping[str, Any] | None

    @property
    def words(self) -> str:
        return domain_words(self.domain.name)

    @property
    def other_form(self) -> str:
        return other_form(self.domain.name)

    @property
    def is_public(self) -> bool:
        return is_public(self.domain.name)

    @property
    def teams(self) -> int:
        return sum(pk is not None for pk in self.owners)

    @property
    def unowned(self) -> int:
        return self.owners.get(None, 0)

    @property
    def worst(self) -> str:
        worst = self.sums["worst"] if self.sums else None
        return Severity(worst).name.lower() if worst else ""


@dataclass(slots=True)
class _Kept:
    owners: Counter[int | None] = field(default_factory=Counter)
    in_use: int = 0


def domain_rows(domains: Sequence[Domain], user: User, owners: Q, now: datetime) -> list[DomainRow]:
    """Two queries, whatever the domains hold; ``owners``: whose certificates count, as the list is filtered."""
    kept = _kept([row.pk for row in domains], user, owners)
    numbers = {pk: sum(each.owners.values()) for pk, each in kept.items()}
    sums = _sums([pk for pk, number in numbers.items() if number <= MOST_READ], user, owners, now)
    return [
        DomainRow(row, numbers.get(row.pk, 0), kept[row.pk].in_use, dict(+kept[row.pk].owners), sums.get(row.pk))
        for row in domains
    ]


def _kept(domains: Collection[int], user: User, owners: Q) -> Mapping[int, _Kept]:
    rows = Total.objects.filter(
        counted_for(user), owners, dimension__in=(DOMAIN, DOMAIN_IN_USE), value__in=[str(pk) for pk in domains]
    )
    found: dict[int, _Kept] = defaultdict(_Kept)
    for value, dimension, team, count in rows.values_list("value", "dimension", "owner_team", "count"):
        if dimension == DOMAIN:
            found[int(value)].owners[team] += count
        else:
            found[int(value)].in_use += count
    return found


def _sums(domains: Collection[int], user: User, owners: Q, now: datetime) -> dict[int, dict[str, Any]]:
    under = listed(user).filter(owners, domains__domain__in=domains)
    sums = (
        under.order_by()
        .values("domains__domain")
        .annotate(
            next_end=Min("not_after", filter=Q(not_after__gte=now)),
            worst=Max("worst_severity"),
            issuers=Count("issuer", distinct=True),
            wildcards=Count("pk", filter=Q(domains__has_wildcard=True)),
        )
    )
    return {row["domains__domain"]: dict(row) for row in sums}


def listed(user: User) -> CertificateQuerySet:
    """What the list of certificates shows unless it is asked for more, and what totals count."""
    return Certificate.objects.visible_to(user).leaves().filter(retired_at=None)


def not_sorted(user: User, most: int) -> int:
    """How many certificates were not sorted under domains yet, up to a limit. Only after an upgrade there are any."""
    unsorted = Certificate.objects.filter(domain_ids__isnull=True).order_by()
    # An index holds what is not sorted, and nothing else: whether there is any is known before whose it is.
    return unsorted.visible_to(user)[: most + 1].count() if unsorted.exists() else 0


def owners_of(row: DomainRow) -> list[tuple[Team | None, int]]:
    """Whose certificates they are, the most first."""
    teams = Team.objects.in_bulk([pk for pk in row.owners if pk is not None])
    owners = [(teams.get(pk) if pk else None, number) for pk, number in row.owners.items()]
    return sorted(owners, key=lambda pair: -pair[1])


def issuers_of(row: DomainRow, user: User) -> list[tuple[int, str, int]] | None:
    """Who signed them, the most first; None where there are too many to count."""
    if row.certificates > MOST_READ:
        return None
    signed: Any = listed(user).filter(domains__domain=row.domain).exclude(issuer=None).order_by()
    counted = signed.values_list("issuer", "issuer__label").annotate(number=Count("pk"))
    return list(counted.order_by("-number", "issuer__label")[:SHOWN])
