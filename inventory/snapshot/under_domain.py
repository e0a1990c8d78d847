"""The names under one domain, what covers each, and what its wildcards reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet

from accounts.models import User
from inventory.models import Certificate, CertificateName, Domain, Endpoint
from inventory.names import covers, domain_of, other_form
from inventory.snapshot.rows import CertificateRow, certificate_row
from inventory.status import Status

# Read for one page: of more, those that end last.
MOST_CERTIFICATES = 500
MOST_NAMES = 5_000
NAMES_SHOWN = 100
HOSTS_SHOWN = 12
# Long, or in need of parsing, and nothing that a line shows.
_NOT_NEEDED = ("subject", "details", "problems", "regulations", "custom_fields", "ruled", "notes", "domain_ids")
_NEVER = datetime.min.replace(tzinfo=UTC)
# A certificate of these covers nothing any more, or not yet.
_SPENT = {Status.EXPIRED, Status.REVOKED, Status.NOT_YET_VALID, Status.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Covered:
    """One name under a domain: the best certificate that carries it, how many others do, and wildcards above it."""

    name: str
    best: CertificateRow | None
    others: int
    wildcards: Sequence[str]
    # Of a wildcard: hosts known here that it stands for.
    hosts: Sequence[str] = ()

    @property
    def other_form(self) -> str:
        return other_form(self.name)

    @property
    def first_hosts(self) -> Sequence[str]:
        return self.hosts[:HOSTS_SHOWN]

    @property
    def more_hosts(self) -> int:
        return max(0, len(self.hosts) - HOSTS_SHOWN)


@dataclass(frozen=True, slots=True)
class Names:
    """``read`` of ``certificates`` were looked at; ``total`` names were found, of which ``hosts`` holds the first."""

    hosts: Sequence[Covered]
    wildcards: Sequence[Covered]
    total: int
    read: int
    is_whole: bool


def names_under(domain: Domain, under: QuerySet[Certificate], user: User, now: datetime) -> Names:
    """Three queries, whatever stands under the domain; ``under``: those of its certificates that the person sees."""
    found = under.exclude(not_after=None).order_by("-not_after", "-pk").defer(*_NOT_NEEDED)
    certificates = {row.pk: row for row in found[: MOST_CERTIFICATES + 1]}
    is_whole = len(certificates) <= MOST_CERTIFICATES
    rows = dict(list(certificates.items())[:MOST_CERTIFICATES])
    carriers = _carriers(domain, rows)
    asked = _asked(domain, rows, user)
    wildcards = sorted(name for name in carriers if name.startswith("*."))
    hosts = sorted({*carriers, *asked} - set(wildcards), key=_by_label)
    covered = [_covered(name, carriers, wildcards, now) for name in hosts[:NAMES_SHOWN]]
    wild = [_covered(name, carriers, (), now, [h for h in hosts if covers(name, h)]) for name in wildcards]
    return Names(covered, wild[:NAMES_SHOWN], len(hosts), len(rows), is_whole)


def _by_label(name: str) -> list[str]:
    """Neighbours stand together: compared from the right."""
    return name.split(".")[::-1]


def _carriers(domain: Domain, certificates: Mapping[int, Certificate]) -> dict[str, list[Certificate]]:
    """Name → the certificates that carry it."""
    names = CertificateName.objects.filter(certificate__in=list(certificates)).order_by()
    pairs = names.values_list("certificate", "kind", "value")[:MOST_NAMES]
    found: dict[str, list[Certificate]] = defaultdict(list)
    for pk, kind, value in pairs:
        if domain_of(kind, value) == domain.name:
            found[value].append(certificates[pk])
    return found


def _asked(domain: Domain, certificates: Mapping[int, Certificate], user: User) -> set[str]:
    """The names by which nodes were asked that serve these certificates."""
    nodes = Endpoint.objects.visible_to(user).alive().filter(certificate__in=list(certificates)).exclude(server_name="")
    names = nodes.order_by().values_list("server_name", flat=True).distinct()[:MOST_NAMES]
    return {name for name in names if domain_of("dns", name) == domain.name}


def _covered(
    name: str,
    carriers: Mapping[str, Sequence[Certificate]],
    wildcards: Iterable[str],
    now: datetime,
    hosts: Sequence[str] = (),
) -> Covered:
    above = [wildcard for wildcard in wildcards if covers(wildcard, name)]
    own = carriers.get(name, ())
    best = _best(own, now) or _best([row for wildcard in above for row in carriers[wildcard]], now)
    shown = certificate_row(best, now, with_risks=False) if best else None
    return Covered(name, shown, max(0, len(own) - 1), above, hosts)


def _best(certificates: Sequence[Certificate], now: datetime) -> Certificate | None:
    """What is served and covers now, before what only covers, before what only did."""
    return max(
        certificates,
        key=lambda row: (row.status_at(now) not in _SPENT, row.nodes_serving > 0, row.not_after or _NEVER, row.pk),
        default=None,
    )
