"""What path building says of chains, in the terms of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

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
)
from inventory.x509 import NotACertificate, ParsedCertificate, parse
from policy.rules.certificates import end_of
from policy.rules.facts import PathFacts


def path_facts(chains: Mapping[int, Sequence[bytes]], now: datetime) -> dict[int, PathFacts]:
    """Judge each chain (DER, in the order in which it was sent) against all stores."""
    if not chains:
        return {}
    known = trust_stores()
    return {key: _facts(ders, known, now) for key, ders in chains.items()}


def _facts(ders: Sequence[bytes], known: Sequence[TrustStore], now: datetime) -> PathFacts:
    sent = [_read(der) for der in ders]
    shape = chain_shape(sent, known)
    path = build_path(sent, known, now)
    return PathFacts(
        trusted=_trusted(path),
        sentence=path.sentence,
        is_read=shape.judged,
        is_self_signed=isinstance(path, Untrusted) and path.code == "self_signed",
        missing=path.missing if isinstance(path, Incomplete) else "",
        misplaced=tuple(_name(sent[at]) for at in shape.misplaced),
        strangers=tuple(f"{one.name or 'a certificate'} ({one.why})" for one in shape.superfluous),
        changes_at=_next_date(sent[1:], path, now),
    )


def _next_date(above: Sequence[ParsedCertificate | bytes], path: Path, now: datetime) -> datetime | None:
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
