"""Standing of certificates that follows from what is served where: nodes, supersession, presence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import TypeAlias

from django.db.models import Count, Q

from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.totals import CERTIFICATE_COLUMNS, Share, certificate_shares
from inventory.services.writing import write

_COLUMNS = (
    *CERTIFICATE_COLUMNS,
    "names_sha256",
    "key_type",
    "not_before",
    "nodes_last_known",
    "nodes_total",
    "served_ever",
    "superseded",
    "judge_at",
)
_NODES = ("nodes_serving", "nodes_last_known", "nodes_total", "served_ever")
# Certificates of one family are earlier and later ones of each other: equal names and equal kind of key. A server may
# serve an RSA and an ECDSA certificate side by side, and neither replaces the other.
Family: TypeAlias = tuple[str, str]


def restand(
    certificates: Collection[int], services: Collection[str], now: datetime, deltas: Counter[Share]
) -> frozenset[int]:
    """Count nodes anew for these certificates and for all that the nodes of these services serve.

    Runs in the caller's transaction after what is served was written. Returns the certificates that lost their last
    node.
    """
    wanted = set(certificates) | _served_by(services)
    if not wanted:
        return frozenset()
    rows = list(Certificate.objects.filter(pk__in=wanted).order_by("pk").select_for_update().only(*_COLUMNS))
    nodes = _nodes(wanted)
    was = {row.pk: tuple(getattr(row, name) for name in _NODES) for row in rows}
    for row in rows:
        row.nodes_serving, row.nodes_last_known, row.nodes_total = nodes.get(row.pk, (0, 0, 0))
        row.served_ever = row.served_ever or row.nodes_serving > 0
    changed = [row for row in rows if was[row.pk] != tuple(getattr(row, name) for name in _NODES)]
    turned = [row for row in changed if (was[row.pk][0] > 0) != (row.nodes_serving > 0)]
    for row in changed:
        row.judge_at = now
    write(changed, [*_NODES, "judge_at"])
    _count(turned, deltas)
    _mark_superseded({_family(row) for row in turned}, now)
    return frozenset(row.pk for row in turned if not row.nodes_serving)


def _served_by(services: Collection[str]) -> set[int]:
    if not services:
        return set()
    served = ServedChain.objects.filter(endpoint__service__in=services)
    return set(served.values_list("certificate_id", flat=True))


def _nodes(certificates: Collection[int]) -> dict[int, tuple[int, int, int]]:
    """Nodes that serve each certificate, those of them only last known to, and all nodes of the services concerned."""
    alive = ServedChain.objects.filter(certificate__in=certificates, endpoint__retired_at=None)
    counted = alive.values_list("certificate_id").annotate(
        serving=Count("endpoint_id", distinct=True),
        last_known=Count("endpoint_id", distinct=True, filter=Q(state=ServedChain.State.LAST_KNOWN)),
    )
    totals = _service_nodes(set(alive.values_list("certificate_id", "endpoint__service")))
    return {pk: (serving, last_known, totals[pk]) for pk, serving, last_known in counted}


def _service_nodes(pairs: Iterable[tuple[int, str]]) -> Counter[int]:
    services = {service for _, service in pairs}
    rows = Endpoint.objects.alive().filter(service__in=services).values_list("service").annotate(Count("pk"))
    size = dict(rows)
    totals: Counter[int] = Counter()
    for certificate, service in pairs:
        totals[certificate] += size.get(service, 0)
    return totals


def _count(turned: Iterable[Certificate], deltas: Counter[Share]) -> None:
    """Shares depend on whether a certificate is in use, not on how many nodes use it."""
    for row in turned:
        after = row.nodes_serving
        row.nodes_serving = 0 if after else 1
        deltas.subtract(certificate_shares(row))
        row.nodes_serving = after
        deltas.update(certificate_shares(row))


def _family(row: Certificate) -> Family:
    return row.names_sha256, row.key_type


def _mark_superseded(families: Collection[Family], now: datetime) -> None:
    """Superseded is what has a newer member of its family in use; the newest in use never is.

    The answer follows from the family's rows alone, so a roll-back to the older certificate takes the word away again.
    """
    names = {names_sha256 for names_sha256, _ in families if names_sha256}
    if not names:
        return
    members: dict[Family, list[Certificate]] = defaultdict(list)
    for row in Certificate.objects.leaves().filter(names_sha256__in=names).only(*_COLUMNS):
        members[_family(row)].append(row)
    changed = [row for rows in members.values() for row in _turned(rows)]
    for row in changed:
        row.superseded = not row.superseded
        row.judge_at = now
    write(changed, ["superseded", "judge_at"])


def _turned(family: Iterable[Certificate]) -> Iterable[Certificate]:
    rows = list(family)
    newest = max((_age(row) for row in rows if row.nodes_serving), default=None)
    for row in rows:
        if row.superseded != (newest is not None and _age(row) < newest):
            yield row


def _age(row: Certificate) -> tuple[datetime, int]:
    """A total order, so that of two members exactly one is the newer."""
    return row.not_before or datetime.min.replace(tzinfo=UTC), row.pk
