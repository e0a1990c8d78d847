"""Storing chains as they were sent."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.models import Certificate, Chain, ChainLink
from inventory.services.certificates import Begin, Unknown, as_it_is, store_certificates
from inventory.services.facts import digest_of
from inventory.services.races import settled
from inventory.services.totals import Share, certificate_shares, kept
from inventory.services.writing import among, insert, write


@dataclass(frozen=True, slots=True)
class StoredChains:
    """Chains by digest as (primary key of the chain, of its leaf), and the certificates that were new."""

    ids: Mapping[str, tuple[int, int]]
    new: frozenset[int]


def chain_digest(ders: Sequence[bytes]) -> str:
    """Identify a chain by the digests of its certificates in the order in which they were sent."""
    return hashlib.sha256(bytes.fromhex("".join(map(digest_of, ders)))).hexdigest()


def known_chains(digests: Iterable[str]) -> dict[str, tuple[int, int]]:
    rows = Chain.objects.filter(among("sha256", set(digests))).values_list("sha256", "pk", "leaf_id")
    return {sha256: (pk, leaf) for sha256, pk, leaf in rows}


def store_chains(
    chains: Iterable[Sequence[bytes]],
    now: datetime,
    unknown: Unknown | None = None,
    into: Counter[Share] | None = None,
    begin: Begin = as_it_is,
) -> StoredChains:
    """Keep many chains in a fixed number of queries. The other arguments as in ``store_certificates``."""
    by_digest = {chain_digest(ders): tuple(ders) for ders in chains}
    ids = known_chains(by_digest)
    missing = {sha256: ders for sha256, ders in sorted(by_digest.items()) if sha256 not in ids}
    if not missing:
        return StoredChains(ids, frozenset())
    with kept(into) as deltas:
        stored = store_certificates([der for ders in missing.values() for der in ders], now, unknown, deltas, begin)
        made = settled(lambda: _store(missing, stored.ids))
        _call_leaves([leaf for _, leaf in made.values()], now, deltas)
    return StoredChains(ids | made, stored.new)


def _store(chains: Mapping[str, Sequence[bytes]], ids: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    known = known_chains(chains)
    missing = {sha256: [ids[digest_of(der)] for der in ders] for sha256, ders in chains.items() if sha256 not in known}
    if not missing:
        return known
    rows = ((sha256, len(members), members[0]) for sha256, members in missing.items())
    insert(Chain, ("sha256", "length", "leaf_id"), rows)
    made = known_chains(missing)
    links = ((pk, at, member) for sha256, (pk, _) in made.items() for at, member in enumerate(missing[sha256]))
    insert(ChainLink, ("chain_id", "position", "certificate_id"), links)
    return known | made


def _call_leaves(ids: Iterable[int], now: datetime, deltas: Counter[Share]) -> None:
    """What stands at the head of a chain is used as an end-entity certificate, whatever it says of itself."""
    found = Certificate.objects.filter(among("pk", set(ids)), kind=Certificate.Kind.CA).order_by("pk")
    # In that order nobody waits in a circle; no key changes, so other chains may refer to them meanwhile.
    rows = list(found.select_for_update(no_key=True))
    deltas.subtract(share for row in rows for share in certificate_shares(row))
    for row in rows:
        row.kind = Certificate.Kind.LEAF
        row.judge_at = now
    write(rows, ["kind", "judge_at"])
    deltas.update(share for row in rows for share in certificate_shares(row))
