"""Standing of certificates that follows from what is served where: nodes, supersession, presence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TypeAlias

from django.db.models import Count, Q

from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.totals import Counted, Share, certificate_shares
from inventory.services.writing import write_values

_NODES = ("nodes_serving", "nodes_last_known", "nodes_total", "served_ever")
# Certificates of one family are earlier and later ones of each other: equal names and equal kind of key. A server may
# serve an RSA and an ECDSA certificate side by side, and neither replaces the other.
Family: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class _Stands(Counted):
    """What standing follows from, of one certificate."""

    names_sha256: str
    key_type: str
    not_before: datetime | None
    nodes_last_known: int
    nodes_total: int
    served_ever: bool
    superseded: bool

    @property
    def nodes(self) -> tuple[int, int, int, bool]:
        """The columns of ``_NODES``."""
        return self.nodes_serving, self.nodes_last_known, self.nodes_total, self.served_ever

    @property
    def family(self) -> Family:
        return self.names_sha256, self.key_type

    @property
    def age(self) -> tuple[datetime, int]:
        """A total order, so that of two members exactly one is the newer."""
        return self.not_before or datetime.min.replace(tzinfo=UTC), self.pk


_COLUMNS = tuple(column.name for column in fields(_Stands))


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
    locked = Certificate.objects.filter(pk__in=wanted).order_by("pk").select_for_update()
    before = [_Stands(*columns) for columns in locked.values_list(*_COLUMNS)]
    nodes = _nodes(wanted)
    pairs = [(was, _recounted(was, *nodes.get(was.pk, (0, 0, 0)))) for was in before]
    changed = [row for was, row in pairs if was.nodes != row.nodes]
    turned = [(was, row) for was, row in pairs if (was.nodes_serving > 0) != (row.nodes_serving > 0)]
    write_values(Certificate, (*_NODES, "judge_at"), ((*row.nodes, now, row.pk) for row in changed))
    # Shares depend on whether a certificate is in use, not on how many nodes use it.
    deltas.subtract(share for was, _ in turned for share in certificate_shares(was))
    deltas.update(share for _, row in turned for share in certificate_shares(row))
    _mark_superseded({row.family for _, row in turned}, now)
    return frozenset(row.pk for _, row in turned if not row.nodes_serving)


def _recounted(row: _Stands, serving: int, last_known: int, total: int) -> _Stands:
    ever = row.served_ever or serving > 0
    return replace(row, nodes_serving=serving, nodes_last_known=last_known, nodes_total=total, served_ever=ever)


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


def _mark_superseded(families: Collection[Family], now: datetime) -> None:
    """Superseded is what has a newer member of its family in use; the newest in use never is.

    The answer follows from the family's rows alone, so a roll-back to the older certificate takes the word away again.
    """
    names = {names_sha256 for names_sha256, _ in families if names_sha256}
    if not names:
        return
    members: dict[Family, list[_Stands]] = defaultdict(list)
    for columns in Certificate.objects.leaves().filter(names_sha256__in=names).values_list(*_COLUMNS):
        row = _Stands(*columns)
        members[row.family].append(row)
    changed = [row for rows in members.values() for row in _turned(rows)]
    write_values(Certificate, ("superseded", "judge_at"), ((not row.superseded, now, row.pk) for row in changed))


def _turned(family: Collection[_Stands]) -> Iterable[_Stands]:
    newest = max((row.age for row in family if row.nodes_serving), default=None)
    for row in family:
        if row.superseded != (newest is not None and row.age < newest):
            yield row
