"""What path building says of chains, in the terms of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from inventory.models import TrustStore as TrustStoreRow
from inventory.trust import (
    Incomplete,
    NotJudged,
    Path,
    Trusted,
    TrustStore,
    Untrusted,
    build_path,
    chain_shape,
    mozilla_roots,
    store_from_pem,
)
from inventory.x509 import NotACertificate, ParsedCertificate, parse
from policy.rules.endpoints import PathFacts


def stores() -> list[TrustStore]:
    """The bundled public roots and the private stores of the organisation."""
    rows = TrustStoreRow.objects.order_by("name")
    return [mozilla_roots(), *(store_from_pem(row.name, row.pem, row.added_at.date()) for row in rows)]


def path_facts(chains: Mapping[int, Sequence[bytes]], now: datetime) -> dict[int, PathFacts]:
    """Judge each chain (DER, in the order in which it was sent) against all stores."""
    if not chains:
        return {}
    known = stores()
    return {key: _facts(ders, known, now) for key, ders in chains.items()}


def _facts(ders: Sequence[bytes], known: Sequence[TrustStore], now: datetime) -> PathFacts:
    sent = [_read(der) for der in ders]
    shape = chain_shape(sent, known)
    path = build_path(sent, known, now)
    return PathFacts(
        trusted=_trusted(path),
        sentence=path.sentence,
        is_read=shape.judged,
        missing=path.missing if isinstance(path, Incomplete) else "",
        misplaced=tuple(_name(sent[at]) for at in shape.misplaced),
        strangers=tuple(one.name or one.why for one in shape.superfluous),
    )


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
