"""Standing of certificates that follows from what is served where: nodes, supersession, presence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeAlias

from django.db.models import Count, Max, Q, QuerySet

from accounts.services import audit
from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services.totals import Counted, Share, certificate_shares
from inventory.services.writing import among, write_values

_NODES = ("nodes_serving", "nodes_last_known", "nodes_total", "served_ever")
# Certificates of one family are earlier and later ones of each other: equal names and equal kind of key. A server may
# serve an RSA and an ECDSA certificate side by side, and neither replaces the other.
Family: TypeAlias = tuple[str, str]
# Primary key of a certificate → when the newest of its family began that nodes of its services serve.
Newest: TypeAlias = dict[int, datetime | None]
# Primary keys of a certificate and of another that a node serves in its place.
Change: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Restood:
    """Certificates that lost their last node, and those that count again: they were retired, and a node serves them.

    The latter as they were before, so that whoever tells of it can say why they had been retired.
    """

    lost: frozenset[int] = frozenset()
    returned: tuple[Certificate, ...] = ()


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
    certificates: Collection[int],
    services: Collection[str],
    now: datetime,
    deltas: Counter[Share],
    changes: Collection[Change] = (),
) -> Restood:
    """Count nodes anew for these certificates and for all that the nodes of these services serve.

    Runs in the caller's transaction after what is served was written; ``changes`` are among ``certificates``. The
    caller tells of what came back (``tell_returned``) after the totals are written.
    """
    wanted = set(certificates) | _served_by(services)
    if not wanted:
        return Restood()
    locked = Certificate.objects.filter(among("pk", wanted)).order_by("pk").select_for_update(no_key=True)
    before = [_Stands(*columns) for columns in locked.values_list(*_COLUMNS)]
    nodes = _nodes(wanted)
    pairs = [(was, _recounted(was, *nodes.get(was.pk, (0, 0, 0)))) for was in before]
    changed = [row for was, row in pairs if was.nodes != row.nodes]
    turned = [(was, row) for was, row in pairs if (was.nodes_serving > 0) != (row.nodes_serving > 0)]
    returned = _take_back([was.pk for was, row in pairs if was.retired_at is not None and row.retired_at is None])
    write_values(Certificate, (*_NODES, "judge_at"), ((*row.nodes, now, row.pk) for row in changed))
    # Shares depend on whether a certificate is in use, not on how many nodes use it.
    deltas.subtract(share for was, _ in turned for share in certificate_shares(was))
    deltas.update(share for _, row in turned for share in certificate_shares(row))
    kin = _with_kin([row for _, row in pairs])
    _mark_superseded(kin, changes, now)
    return Restood(frozenset(row.pk for _, row in turned if not row.nodes_serving), returned)


def _recounted(row: _Stands, serving: int, last_known: int, total: int) -> _Stands:
    ever = row.served_ever or serving > 0
    retired_at = None if serving else row.retired_at
    return replace(
        row,
        nodes_serving=serving,
        nodes_last_known=last_known,
        nodes_total=total,
        served_ever=ever,
        retired_at=retired_at,
    )


def _take_back(pks: Collection[int]) -> tuple[Certificate, ...]:
    """Somebody retired it because nothing needs it; a node serves it, so something does."""
    if not pks:
        return ()
    columns = ("sha256", "name", "retired_at", "retired_reason")
    rows = tuple(Certificate.objects.filter(among("pk", pks)).order_by("pk").only(*columns))
    Certificate.objects.filter(among("pk", pks)).update(retired_at=None, retired_reason="")
    return rows


def tell_returned(returned: Iterable[Certificate], now: datetime, **where: Any) -> None:
    """Write to the audit what came back by itself; the last of a transaction."""
    for row in returned:
        before = {"reason": row.retired_reason, "retired_at": row.retired_at.isoformat() if row.retired_at else ""}
        audit(None, "certificate.revived", row, before, {"sha256": row.sha256, **where}, now=now)


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


def _mark_superseded(moved: Mapping[int, _Stands], changes: Iterable[Change], now: datetime) -> None:
    """Superseded is what a newer one of its family was seen to replace: a node that served it serves that one instead.

    That a newer one of the same names exists shows nothing: each appliance of a series may have a certificate of its
    own for the same default name, and each node of a service, too. ``moved`` are certificates whose nodes may have
    changed. While nodes serve it, the word holds only beside a newer one at the same service, so that going back to it
    takes the word away; out of use it keeps the word that it had.
    """
    if not moved:
        return
    replaced = {former for former, later in changes if _takes_over(moved.get(later), moved.get(former))}
    in_use, newest = _at_their_services(moved.values(), replaced)
    pairs = [(row, _is_older(row, newest[row.pk])) for row in in_use]
    pairs += [(row, True) for row in moved.values() if not row.nodes_serving]
    words = [(row, could_be and (row.superseded or row.pk in replaced)) for row, could_be in pairs]
    changed = [(word, now, row.pk) for row, word in words if word != row.superseded]
    write_values(Certificate, ("superseded", "judge_at"), changed)


def _takes_over(later: _Stands | None, former: _Stands | None) -> bool:
    if later is None or former is None or former.kind != Certificate.Kind.LEAF:
        return False
    return bool(former.names_sha256) and former.family == later.family and _is_older(former, later.not_before)


def _is_older(row: _Stands, newest: datetime | None) -> bool:
    """Of equally old ones neither took over from the other."""
    return newest is not None and row.not_before is not None and row.not_before < newest


def _at_their_services(moved: Collection[_Stands], replaced: Collection[int]) -> tuple[list[_Stands], Newest]:
    """What is in use beside the moved ones and has the word, or may get it; and the newest at any service of each."""
    names = {row.names_sha256 for row in moved} - {""}
    alive = ServedChain.objects.filter(endpoint__retired_at=None, certificate__kind=Certificate.Kind.LEAF)
    beside = alive.filter(certificate__names_sha256__in=names, endpoint__service__in=_services(alive, moved))
    concerned = beside.filter(Q(certificate__superseded=True) | Q(certificate__in=replaced))
    rows = _stands(Certificate.objects.filter(pk__in=set(concerned.values_list("certificate_id", flat=True))))
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


def _stands(rows: QuerySet[Certificate]) -> list[_Stands]:
    return [_Stands(*columns) for columns in rows.values_list(*_COLUMNS)]


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)
