"""Storing certificates: identified by their digest first, read only if never seen, written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from inventory.models import Certificate, CertificateDer, CertificateName, Issuer
from inventory.services.domains import ids_of, keep_domains
from inventory.services.facts import Facts, IssuerFacts, certificate_row, digest_of, facts_of, name_rows
from inventory.services.races import settled
from inventory.services.texts import index_texts
from inventory.services.totals import Share, certificate_shares, kept
from inventory.services.writing import among, insert, insert_rows


@dataclass(frozen=True, slots=True)
class Unknown:
    """Certificates that the database did not hold when asked, already read. Making it needs no transaction."""

    facts: Mapping[str, Facts]

    @classmethod
    def among(cls, ders: Iterable[bytes], sound: Container[str] = ()) -> Unknown:
        """``sound``: digests of what was read before, and nothing was wrong with it."""
        by_digest = {digest_of(der): der for der in ders}
        known = set(Certificate.objects.filter(among("sha256", by_digest)).values_list("sha256", flat=True))
        return cls(
            {
                sha256: facts_of(der, is_sound=sha256 in sound)
                for sha256, der in by_digest.items()
                if sha256 not in known
            }
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """Primary keys by SHA-256, and which of them were new."""

    ids: Mapping[str, int]
    new: frozenset[int]


# Is given unsaved rows, and what was read of each.
Begin: TypeAlias = Callable[[Sequence[Certificate], Sequence[Facts]], None]


def as_it_is(_rows: Sequence[Certificate], _read: Sequence[Facts]) -> None:
    """New certificates belong to nobody yet."""


def store_certificates(
    ders: Sequence[bytes],
    now: datetime,
    unknown: Unknown | None = None,
    into: Counter[Share] | None = None,
    begin: Begin = as_it_is,
) -> Stored:
    """Keep certificates; those already known are not touched, not even read.

    Give ``unknown`` where the caller is inside a transaction, so that parsing happened before it began, and ``into``
    (``totals.kept``), so that totals are written at its end. ``begin`` may say more of what is new, before it is
    inserted; it is asked again where another worker was faster.
    """
    unknown = Unknown.among(ders) if unknown is None else unknown
    by_digest = {digest_of(der): der for der in ders}
    with kept(into) as deltas:
        return settled(lambda: _store(by_digest, now, unknown, deltas, begin))


def _store(
    by_digest: Mapping[str, bytes], now: datetime, unknown: Unknown, deltas: Counter[Share], begin: Begin
) -> Stored:
    ids = dict(Certificate.objects.filter(among("sha256", by_digest)).values_list("sha256", "pk"))
    # In the order of their digests, so that two workers meet at the first common row instead of locking each other.
    missing = [unknown.facts.get(sha256) or facts_of(by_digest[sha256]) for sha256 in sorted(set(by_digest) - set(ids))]
    if not missing:
        begin([], [])
        return Stored(ids, frozenset())
    issuers = _issuers(missing)
    domains = ids_of((name for facts in missing for name in facts.domains), now)
    rows = [certificate_row(facts, issuers, domains, now) for facts in missing]
    begin(rows, missing)
    insert_rows(rows)
    made = dict(Certificate.objects.filter(among("sha256", [row.sha256 for row in rows])).values_list("sha256", "pk"))
    for row in rows:
        row.pk = made[row.sha256]
    insert(CertificateDer, ("certificate_id", "der"), ((made[facts.sha256], facts.der) for facts in missing))
    names = (name for facts in missing for name in name_rows(facts, made[facts.sha256]))
    insert(CertificateName, ("certificate_id", "position", "kind", "value"), names)
    keep_domains({made[facts.sha256]: facts.domains for facts in missing}, domains)
    index_texts(CertificateName, Certificate)
    deltas.update(share for row in rows for share in certificate_shares(row))
    return Stored(ids | made, frozenset(made.values()))


def _issuers(missing: Iterable[Facts]) -> dict[str, int]:
    """Primary keys by the digest of the name."""
    wanted = {facts.issuer.name_sha256: facts.issuer for facts in missing if facts.issuer}
    known = _known_issuers(wanted)
    new = sorted(set(wanted) - set(known))
    if not new:
        return known
    insert(Issuer, IssuerFacts._fields, (wanted[key] for key in new))
    return known | _known_issuers(new)


def _known_issuers(digests: Collection[str]) -> dict[str, int]:
    return dict(Issuer.objects.filter(name_sha256__in=digests).values_list("name_sha256", "pk"))
