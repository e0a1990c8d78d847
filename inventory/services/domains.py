"""Under which domains certificates stand: written when they are stored, and for those of before in batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from inventory.models import Certificate, CertificateName, Domain, DomainCertificate
from inventory.names import domains_of
from inventory.services.races import settled
from inventory.services.totals import Share, certificate_shares, kept
from inventory.services.writing import among, insert, write

BATCH = 500
# Of each minute: sorting goes on for a while after an upgrade, and other work must not wait for it.
SECONDS = timedelta(seconds=20)

# Name of a domain → whether a wildcard of the certificate stands under it.
Under = Mapping[str, bool]


def ids_of(names: Iterable[str], now: datetime) -> dict[str, int]:
    """Primary keys of domains by name; what is new is made. In the caller's transaction."""
    wanted = set(names)
    known = _known(wanted)
    new = sorted(wanted - set(known))
    if not new:
        return known
    insert(Domain, ("name", "first_seen_at"), ((name, now) for name in new))
    return known | _known(new)


def _known(names: Collection[str]) -> dict[str, int]:
    if not names:
        return {}
    return dict(Domain.objects.filter(among("name", names)).order_by().values_list("name", "pk"))


def keep_domains(under: Mapping[int, Under], ids: Mapping[str, int], *, or_ignore: bool = False) -> None:
    """Write which certificates (by primary key) stand under which domains."""
    rows = ((ids[name], pk, wild) for pk, domains in under.items() for name, wild in domains.items())
    insert(DomainCertificate, ("domain_id", "certificate_id", "has_wildcard"), rows, or_ignore=or_ignore)


def sort_into_domains(clock: Callable[[], datetime]) -> int:
    """Sort certificates that an earlier version stored, batch by batch, for some seconds; return how many.

    Safe to call at any time and twice: a batch is one transaction, and what is sorted is not found again.
    """
    began, done = clock(), 0
    while clock() - began < SECONDS and (number := _sort_batch(clock())):
        done += number
    return done


def _sort_batch(now: datetime) -> int:
    with kept() as deltas:
        return settled(lambda: _sort(now, deltas), is_first=True)


def _sort(now: datetime, deltas: Counter[Share]) -> int:
    unsorted = Certificate.objects.filter(domain_ids__isnull=True).order_by("pk")
    rows = list(unsorted.select_for_update(no_key=True)[:BATCH])
    if not rows:
        return 0
    under = _under([row.pk for row in rows])
    ids = ids_of((name for domains in under.values() for name in domains), now)
    keep_domains(under, ids, or_ignore=True)
    deltas.subtract(share for row in rows for share in certificate_shares(row))
    for row in rows:
        row.domain_ids = [ids[name] for name in under.get(row.pk, ())]
    write(rows, ["domain_ids"])
    deltas.update(share for row in rows for share in certificate_shares(row))
    return len(rows)


def _under(certificates: Collection[int]) -> dict[int, dict[str, bool]]:
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    kinds = [CertificateName.Kind.DNS, CertificateName.Kind.IP]
    found = CertificateName.objects.filter(among("certificate_id", certificates), kind__in=kinds).order_by(
        "certificate_id", "position"
    )
    for pk, kind, value in found.values_list("certificate_id", "kind", "value"):
        names[pk].append((kind, value))
    return {pk: domains_of(pairs) for pk, pairs in names.items()}
