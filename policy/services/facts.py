"""Reading the facts that the rules ask for, for a whole batch, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from inventory.models import Certificate, CertificateName, ChainLink, Endpoint, ServedChain
from policy.rules.certificates import CertificateFacts
from policy.rules.endpoints import EndpointFacts, Node, PathFacts
from policy.services.paths import path_facts

Names = dict[int, tuple[tuple[str, str], ...]]
# Per service: endpoint → its owner and what it serves.
Nodes = dict[str, dict[int, tuple[int | None, Node]]]
# A finding is read by the team that owns its subject; what belongs to others is counted, not named.
OF_ANOTHER_TEAM = "another team's"


def certificate_facts(certificates: Sequence[Certificate]) -> dict[int, CertificateFacts]:
    shared = _keys_shared(certificates)
    return {
        row.pk: CertificateFacts(
            not_before=row.not_before,
            not_after=row.not_after,
            expiring_from=row.expiring_from,
            urgent_from=row.urgent_from,
            key_type=row.key_type,
            key_bits=row.key_bits,
            key_label=row.key_label,
            signature_algorithm=row.signature_algorithm,
            signature_hash=row.signature_hash,
            is_self_signed=row.is_self_signed,
            has_owner=row.owner_team_id is not None,
            served_ever=row.served_ever,
            nodes_serving=row.nodes_serving,
            nodes_last_known=row.nodes_last_known,
            key_shared_with=_others(row, shared[row.spki_sha256]),
        )
        for row in certificates
    }


@dataclass(frozen=True, slots=True)
class _Carrier:
    """A certificate that carries a key."""

    pk: int
    names_sha256: str
    name: str
    owner_team_id: int | None


def _keys_shared(certificates: Sequence[Certificate]) -> dict[str, list[_Carrier]]:
    """Per key: certificates in use (or never served) that carry it."""
    keys = {row.spki_sha256 for row in certificates if row.spki_sha256}
    here = Q(nodes_serving__gt=0) | Q(served_ever=False)
    rows = (
        Certificate.objects.leaves()
        .filter(here, spki_sha256__in=keys)
        .order_by("pk")
        .values_list("spki_sha256", "pk", "names_sha256", "name", "owner_team_id")
    )
    shared: dict[str, list[_Carrier]] = defaultdict(list)
    for key, pk, names_sha256, name, owner in rows:
        shared[key].append(_Carrier(pk, names_sha256, name, owner))
    return shared


def _others(row: Certificate, carriers: Iterable[_Carrier]) -> tuple[str, ...]:
    """What else carries the key of a certificate."""
    others = [one for one in carriers if one.pk != row.pk and one.names_sha256 != row.names_sha256]
    return tuple(one.name if _may_be_named(one.owner_team_id, row) else OF_ANOTHER_TEAM for one in others)


def _may_be_named(owner: int | None, row: Certificate | Endpoint) -> bool:
    """Whether everybody who sees ``row`` also sees what this team (or nobody) owns."""
    return owner == row.owner_team_id or (owner is None and not settings.HIDE_UNOWNED)


def endpoint_facts(endpoints: Sequence[Endpoint], now: datetime) -> dict[int, EndpointFacts]:
    """Facts of endpoints loaded with ``select_related("certificate")``."""
    names = names_of(row.certificate_id for row in endpoints)
    paths = _paths(endpoints, now)
    nodes = _nodes(endpoints)
    return {row.pk: _facts(row, names, paths.get(row.pk), nodes) for row in endpoints}


def _facts(row: Endpoint, names: Names, path: PathFacts | None, nodes: Nodes) -> EndpointFacts:
    beside = nodes.get(row.service, {}) if row.service else {}
    seen_at = row.last_seen_at
    return EndpointFacts(
        retired=row.retired_at is not None,
        served=row.outcome == Endpoint.Outcome.SERVED,
        reason=row.reason,
        stale_from=seen_at + timedelta(seconds=2 * row.schedule_seconds) if seen_at else None,
        server_name=row.server_name,
        names=names.get(row.certificate_id or 0, ()),
        tls_version=row.tls_version,
        path=path,
        here=_node(row),
        others=tuple(
            node if _may_be_named(owner, row) else replace(node, place=OF_ANOTHER_TEAM)
            for pk, (owner, node) in beside.items()
            if pk != row.pk
        ),
    )


def _node(row: Endpoint) -> Node | None:
    certificate = row.certificate
    if certificate is None:
        return None
    return Node(row.place, certificate.sha256, certificate.names_sha256, certificate.not_before)


def _nodes(endpoints: Sequence[Endpoint]) -> Nodes:
    services = {row.service for row in endpoints if row.service}
    rows = Endpoint.objects.alive().filter(service__in=services, outcome=Endpoint.Outcome.SERVED)
    nodes: Nodes = defaultdict(dict)
    for row in rows.select_related("certificate"):
        node = _node(row)
        if node is not None:
            nodes[row.service][row.pk] = row.owner_team_id, node
    return nodes


def names_of(certificates: Iterable[int | None]) -> Names:
    rows = CertificateName.objects.filter(certificate__in={pk for pk in certificates if pk})
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for pk, kind, value in rows.values_list("certificate_id", "kind", "value"):
        names[pk].append((kind, value))
    return {pk: tuple(pairs) for pk, pairs in names.items()}


def _paths(endpoints: Sequence[Endpoint], now: datetime) -> dict[int, PathFacts]:
    served = ServedChain.objects.filter(
        endpoint__in=[row.pk for row in endpoints], variant=ServedChain.Variant.DEFAULT
    ).values_list("endpoint_id", "chain_id")
    chain_of = dict(served)
    ders: dict[int, list[bytes | None]] = defaultdict(list)
    links = ChainLink.objects.filter(chain__in=set(chain_of.values())).order_by("chain_id", "position")
    # The bytes stand in a table of their own, so a row of them may be missing.
    stored: Iterable[tuple[int, bytes | memoryview | None]] = links.values_list("chain_id", "certificate__der__der")
    for chain_id, der in stored:
        ders[chain_id].append(None if der is None else bytes(der))
    # A chain of which bytes are missing is not judged; it must not keep the others from it.
    facts = path_facts({chain: whole for chain, sent in ders.items() if (whole := _whole(sent))}, now)
    return {endpoint: facts[chain] for endpoint, chain in chain_of.items() if chain in facts}


def _whole(sent: Sequence[bytes | None]) -> list[bytes]:
    present = [der for der in sent if der is not None]
    return present if len(present) == len(sent) else []
