"""Standing of certificates that follows from what is served where: nodes, supersession, presence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TypeAlias

from django.db.models import Count, Max, Q, QuerySet

from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.totals import Counted, Share, certificate_shares
from inventory.services.writing import among, write_values

_NODES = ("nodes_serving", "nodes_last_known", "nodes_total", "served_ever")
# Certificates of one family are earlier and later ones of each other: equal names and equal kind of key. A server may
# serve an RSA and an ECDSA certificate side by side, and neither replaces the other.
Family: TypeAlias = tuple[str, str]
# Primary key of a certificate → when the newest certificate began that could have taken over from it.
Newest: TypeAlias = dict[int, datetime | None]


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
    locked = Certificate.objects.filter(among("pk", wanted)).order_by("pk").select_for_update(no_key=True)
    before = [_Stands(*columns) for columns in locked.values_list(*_COLUMNS)]
    nodes = _nodes(wanted)
    pairs = [(was, _recounted(was, *nodes.get(was.pk, (0, 0, 0)))) for was in before]
    changed = [row for was, row in pairs if was.nodes != row.nodes]
    turned = [(was, row) for was, row in pairs if (was.nodes_serving > 0) != (row.nodes_serving > 0)]
    write_values(Certificate, (*_NODES, "judge_at"), ((*row.nodes, now, row.pk) for row in changed))
    # Shares depend on whether a certificate is in use, not on how many nodes use it.
    deltas.subtract(share for was, _ in turned for share in certificate_shares(was))
    deltas.update(share for _, row in turned for share in certificate_shares(row))
    kin = _with_kin([row for _, row in pairs])
    _mark_superseded(kin.values(), [kin[row.pk] for _, row in turned if row.pk in kin], now)
    return frozenset(row.pk for _, row in turned if not row.nodes_serving)


def _recounted(row: _Stands, serving: int, last_known: int, total: int) -> _Stands:
    ever = row.served_ever or serving > 0
    return replace(row, nodes_serving=serving, nodes_last_known=last_known, nodes_total=total, served_ever=ever)


def _served_by(services: Collection[str]) -> set[int]:
    if not services:
        return set()
    served = ServedChain.objects.filter(among("endpoint__service", services))
    return set(served.values_list("certificate_id", flat=True))


def _nodes(certificates: Collection[int]) -> dict[int, tuple[int, int, int]]:
    """Nodes that serve each certificate, those of them only last known to, and all nodes of the services concerned."""
    alive = ServedChain.objects.filter(among("certificate_id", certificates), endpoint__retired_at=None)
    counted = alive.values_list("certificate_id").annotate(
        serving=Count("endpoint_id", distinct=True),
        last_known=Count("endpoint_id", distinct=True, filter=Q(state=ServedChain.State.LAST_KNOWN)),
    )
    totals = _service_nodes(set(alive.values_list("certificate_id", "endpoint__service")))
    return {pk: (serving, last_known, totals[pk]) for pk, serving, last_known in counted}


def _service_nodes(pairs: Iterable[tuple[int, str]]) -> Counter[int]:
    services = {service for _, service in pairs}
    rows = Endpoint.objects.alive().filter(among("service", services)).values_list("service").annotate(Count("pk"))
    size = dict(rows)
    totals: Counter[int] = Counter()
    for certificate, service in pairs:
        totals[certificate] += size.get(service, 0)
    return totals


def _with_kin(rows: Iterable[_Stands]) -> dict[int, _Stands]:
    """Those that share their names with another certificate, or did: nothing takes over from one that is alone.

    Nearly all of what is seen for the first time is alone, and needs no more than this query.
    """
    rows = list(rows)
    named = Certificate.objects.filter(among("names_sha256", {row.names_sha256 for row in rows} - {""})).order_by()
    several = named.values_list("names_sha256", flat=True).annotate(members=Count("pk")).filter(members__gt=1)
    shared = set(several)
    return {row.pk: row for row in rows if row.superseded or row.names_sha256 in shared}


def _mark_superseded(moved: Collection[_Stands], turned: Collection[_Stands], now: datetime) -> None:
    """Superseded is what a newer member of its family took over from.

    ``moved`` are certificates whose nodes may have changed; ``turned`` those of them that came into use or went out of
    it. While nodes serve a certificate, only a newer one at the same service takes over from it: each appliance of a
    series may use a certificate of its own for the same default name. The answer follows from the rows alone, so a
    roll-back to the older certificate takes the word away again.
    """
    if not moved:
        return
    changed = [*_turned(*_at_their_services(moved)), *_turned(*_out_of_use(turned))]
    write_values(Certificate, ("superseded", "judge_at"), ((not row.superseded, now, row.pk) for row in changed))


def _at_their_services(moved: Collection[_Stands]) -> tuple[list[_Stands], Newest]:
    """What is in use beside the moved ones, and the newest certificate at any service of each."""
    names = {row.names_sha256 for row in moved} - {""}
    alive = ServedChain.objects.filter(endpoint__retired_at=None, certificate__kind=Certificate.Kind.LEAF)
    beside = alive.filter(certificate__names_sha256__in=names, endpoint__service__in=_services(alive, moved))
    rows = _stands(Certificate.objects.filter(pk__in=set(beside.values_list("certificate_id", flat=True))))
    services = _services_of(alive, [row.pk for row in rows])
    at_service = {
        (service, (names, key_type)): newest
        for service, names, key_type, newest in alive.filter(
            certificate__names_sha256__in=names, endpoint__service__in=set().union(*services.values())
        )
        .values_list("endpoint__service", "certificate__names_sha256", "certificate__key_type")
        .annotate(Max("certificate__not_before"))
    }
    newest = {
        row.pk: _latest(at_service.get((service, row.family)) for service in services.get(row.pk, ())) for row in rows
    }
    return rows, newest


def _services(alive: QuerySet[ServedChain], rows: Collection[_Stands]) -> set[str]:
    return set().union(*_services_of(alive, [row.pk for row in rows]).values())


def _services_of(alive: QuerySet[ServedChain], certificates: Collection[int]) -> dict[int, set[str]]:
    services: dict[int, set[str]] = defaultdict(set)
    served = alive.filter(certificate__in=certificates).order_by()
    for pk, service in served.values_list("certificate_id", "endpoint__service").distinct():
        services[pk].add(service)
    return services


def _out_of_use(turned: Collection[_Stands]) -> tuple[list[_Stands], Newest]:
    """Members of these families that no node serves, and the newest member in use of each."""
    family = Certificate.objects.leaves().filter(names_sha256__in={row.names_sha256 for row in turned} - {""})
    used = family.filter(nodes_serving__gt=0).values_list("names_sha256", "key_type").annotate(Max("not_before"))
    newest = {(names, key_type): moment for names, key_type, moment in used}
    rows = _stands(family.filter(nodes_serving=0))
    return rows, {row.pk: newest.get(row.family) for row in rows}


def _stands(rows: QuerySet[Certificate]) -> list[_Stands]:
    return [_Stands(*columns) for columns in rows.values_list(*_COLUMNS)]


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


def _turned(rows: Collection[_Stands], newest: Newest) -> Iterable[_Stands]:
    """Those whose word changes. Of equally old ones neither took over from the other."""
    for row in rows:
        newer = newest[row.pk]
        if row.superseded != (newer is not None and row.not_before is not None and row.not_before < newer):
            yield row
