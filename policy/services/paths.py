"""What path building says of chains, in the terms of the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from inventory.models import CertificateDer
from inventory.snapshot.trust_stores import trust_stores
from inventory.trust import (
    Incomplete,
    NotJudged,
    Path,
    Trusted,
    TrustStore,
    Untrusted,
    build_path,
    chain_shape,
    signed_by,
)
from inventory.x509 import NotACertificate, ParsedCertificate, parse
from policy.rules.certificates import end_of
from policy.rules.facts import PathFacts

# Of all authorities that are missing in one batch of chains; hostile servers may invent any number of one name.
MOST_KNOWN = 200
Sent = Sequence[ParsedCertificate | bytes]
Known = Mapping[str, Sequence[ParsedCertificate]]


def path_facts(chains: Mapping[int, Sequence[bytes]], now: datetime) -> dict[int, PathFacts]:
    """Judge each chain (DER, in the order in which it was sent) against all stores."""
    if not chains:
        return {}
    stores = trust_stores()
    sent = {key: [_read(der) for der in ders] for key, ders in chains.items()}
    paths = {key: build_path(chain, stores, now) for key, chain in sent.items()}
    known = _known(path for path in paths.values() if isinstance(path, Incomplete))
    return {
        key: _with_missing(_facts(sent[key], path, stores, now), sent[key], path, known, stores, now)
        for key, path in paths.items()
    }


def _facts(sent: Sent, path: Path, stores: Sequence[TrustStore], now: datetime) -> PathFacts:
    shape = chain_shape(sent, stores)
    return PathFacts(
        trusted=_trusted(path),
        sentence=path.sentence,
        is_read=shape.judged,
        is_self_signed=isinstance(path, Untrusted) and path.code == "self_signed",
        misplaced=tuple(_name(sent[at]) for at in shape.misplaced),
        strangers=tuple(f"{one.name or 'a certificate'} ({one.why})" for one in shape.superfluous),
        changes_at=_next_date(sent[1:], path, now),
    )


def _with_missing(
    facts: PathFacts, sent: Sent, path: Path, known: Known, stores: Sequence[TrustStore], now: datetime
) -> PathFacts:
    """What is known of the issuer that was not sent."""
    if not isinstance(path, Incomplete):
        return facts
    last = path.path[-1]
    issuers = [one for one in known[last.issuer_key] if signed_by(last, one) is not False]
    below = [one for one in issuers if not one.is_self_issued]
    if not issuers:
        return replace(facts, missing=path.missing)
    # An authority may be its own root and be signed by another, too: then only a trusted path makes it a missing link.
    is_link = len(below) == len(issuers) or isinstance(build_path([*sent, *below], stores, now), Trusted)
    return replace(facts, missing=path.missing, missing_is="intermediate" if is_link else "root")


def _known(incomplete: Iterable[Incomplete]) -> Known:
    """The authorities, seen elsewhere, that carry the name of a missing issuer."""
    wanted = {path.path[-1].issuer_key for path in incomplete}
    found: defaultdict[str, list[ParsedCertificate]] = defaultdict(list)
    if wanted:
        rows = CertificateDer.objects.filter(certificate__subject_sha256__in=wanted, certificate__is_ca=True)
        for der in rows.order_by("-certificate__not_after").values_list("der", flat=True)[:MOST_KNOWN]:
            read = _read(bytes(der))
            if not isinstance(read, bytes):
                found[read.subject_key].append(read)
    return found


def _next_date(above: Sent, path: Path, now: datetime) -> datetime | None:
    """When an authority that was sent or is trusted next begins or ends; the leaf's own dates are not the path's."""
    authorities = [one for one in (*above, *path.path[1:]) if not isinstance(one, bytes)]
    moments = [moment for one in authorities for moment in (one.not_before, one.not_after and end_of(one.not_after))]
    return min((moment for moment in moments if moment and moment > now), default=None)


# The same few authorities stand in nearly every chain.
@lru_cache(maxsize=256)
def _read(der: bytes) -> ParsedCertificate | bytes:
    try:
        return parse(der)
    except NotACertificate:
        return der


def _name(certificate: ParsedCertificate | bytes) -> str:
    return "something unreadable" if isinstance(certificate, bytes) else certificate.name


def _trusted(path: Path) -> bool | None:
    match path:
        case Trusted():
            return True
        case Untrusted() | Incomplete():
            return False
        case NotJudged():
            return None
