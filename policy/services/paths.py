"""What path building says of chains, in the terms of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from inventory.models import TrustStore as TrustStoreRow
from inventory.trust import (
    Incomplete,
    NotJudged,
    Path,
    Shape,
    Trusted,
    TrustStore,
    Untrusted,
    build_path,
    chain_shape,
    mozilla_roots,
    store_from_pem,
)
from inventory.x509 import NotACertificate, parse
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
    shape = chain_shape(ders, known)
    path = build_path(ders, known, now)
    names = [_name(der) for der in ders]
    return PathFacts(
        trusted=_trusted(path),
        sentence=path.sentence,
        missing=path.missing if isinstance(path, Incomplete) else "",
        misplaced=_misplaced(shape, names),
        strangers=tuple(one.name or one.why for one in shape.superfluous),
    )


def _trusted(path: Path) -> bool | None:
    match path:
        case Trusted():
            return True
        case Untrusted() | Incomplete():
            return False
        case NotJudged():
            return None


def _misplaced(shape: Shape, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names[at] for at in shape.misplaced)


def _name(der: bytes) -> str:
    try:
        return parse(der).name
    except NotACertificate:
        return "something unreadable"
