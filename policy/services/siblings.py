"""Services of several nodes: one summary for all nodes of each, and who must be judged again when it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, Max, Min, Q

from discovery.models import Observation
from inventory.models import Endpoint, ServedChain
from inventory.models.endpoints import EndpointQuerySet
from policy.models import Asked
from policy.rules.facts import Leaf, Node, Service
from policy.rules.siblings import MOST_NODES
from policy.services.calling import call
from policy.services.sent import leaves_of

TOO_LARGE = Service(is_too_large=True)
# Primary key of an endpoint → those of the certificates that it serves.
Certificates: TypeAlias = Mapping[int, Sequence[int]]
# Primary key of a certificate → when an endpoint was first and last seen to serve it.
Spans: TypeAlias = Mapping[int, tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Services:
    """Of each service concerned what its nodes serve, and a digest of that; none for a node alone."""

    summaries: Mapping[str, Service]
    digests: Mapping[str, str]


def services_of(endpoints: Iterable[Endpoint]) -> Services:
    """Only nodes whose last look brought a certificate are compared."""
    names = {row.service for row in endpoints if row.service}
    found = dict(_nodes(names).values_list("service").annotate(Count("pk")))
    compared = {name for name, nodes in found.items() if 1 < nodes <= MOST_NODES}
    rows = list(_nodes(compared).only("service", "address", "port", "owner_team_id").order_by("pk"))
    served = _served(compared)
    summaries = {name: TOO_LARGE for name, nodes in found.items() if nodes > MOST_NODES}
    digests = dict.fromkeys(summaries, "too large")
    leaves = leaves_of({certificate for of_one in served.values() for certificate in of_one})
    by_service = _by_service(rows)
    replaced = _replaced(by_service, served)
    for name, nodes in by_service.items():
        pairs = frozenset((leaves[former].sha256, leaves[later].sha256) for former, later in replaced[name])
        summaries[name] = Service(tuple(_node(row, served[row.pk], leaves) for row in nodes), replaced=pairs)
        digests[name] = _digest(nodes, served)
    return Services(summaries, {name: digests.get(name, "") for name in names})


def call_for_siblings(judged: Sequence[Endpoint], services: Services, now: datetime) -> None:
    """When a service is not what it was, its other nodes are judged again.

    They are called before those that changed are written as judged: a judge that dies in between calls them twice.
    """
    keys = {_key(name): digest for name, digest in services.digests.items()}
    known = dict(Asked.objects.filter(name__in=keys).values_list("name", "digest"))
    changed = {name for name, digest in services.digests.items() if digest != known.get(_key(name), "")}
    if not changed:
        return
    large = {name for name in changed if services.summaries.get(name) is TOO_LARGE}
    # Of a large one nobody is told more than that it is, and who was never judged is due: a sweep may bring any number.
    told = Q(service__in=changed - large) | Q(service__in=large, judged_at__isnull=False)
    others = Q(retired_at=None, outcome=Endpoint.Outcome.SERVED) & ~Q(pk__in=[row.pk for row in judged])
    with transaction.atomic():
        call(Endpoint, told & others, now)
        _keep({_key(name): services.digests[name] for name in changed})


def _keep(digests: Mapping[str, str]) -> None:
    Asked.objects.filter(name__in=[name for name, digest in digests.items() if not digest]).delete()
    rows = [Asked(name=name, digest=digest) for name, digest in sorted(digests.items()) if digest]
    Asked.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=["digest"])


def _key(service: str) -> str:
    return f"service {service}"


def _nodes(services: Iterable[str]) -> EndpointQuerySet:
    return Endpoint.objects.alive().filter(service__in=services, outcome=Endpoint.Outcome.SERVED)


def _by_service(rows: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    nodes: dict[str, list[Endpoint]] = defaultdict(list)
    for row in rows:
        nodes[row.service].append(row)
    return nodes


def _served(services: Iterable[str]) -> dict[int, list[int]]:
    """The certificates of each node; what everybody gets comes first, as its word does in the alphabet."""
    pointers = ServedChain.objects.filter(endpoint__in=_nodes(services).values("pk"))
    served: dict[int, list[int]] = defaultdict(list)
    for endpoint, certificate in pointers.order_by("endpoint_id", "variant").values_list("endpoint", "certificate"):
        served[endpoint].append(certificate)
    return served


def _replaced(services: Mapping[str, Sequence[Endpoint]], served: Certificates) -> dict[str, set[tuple[int, int]]]:
    """Of each service pairs (former, later) of what its nodes serve now, where a node was seen to change for good."""
    carried = {name: {pk for row in nodes for pk in served[row.pk]} for name, nodes in services.items()}
    spans = _spans({name for name, certificates in carried.items() if len(certificates) > 1})
    return {
        name: {
            pair
            for row in nodes
            for pair in _changes(spans.get(row.pk, {}), served[row.pk])
            if pair[0] in carried[name]
        }
        for name, nodes in services.items()
    }


def _changes(spans: Spans, serves: Sequence[int]) -> set[tuple[int, int]]:
    """What one node serves and what it served before; who served the former again later did not replace it."""
    begun = {later: spans[later][0] for later in serves if later in spans}
    return {
        (former, later)
        for former, (_, last_seen_at) in spans.items()
        for later, first_seen_at in begun.items()
        if former not in serves and last_seen_at <= first_seen_at
    }


def _spans(services: Iterable[str]) -> Mapping[int, Spans]:
    """What was seen at each node of these services. A node alone, or where all serve the same, is not asked for."""
    seen: dict[int, dict[int, tuple[datetime, datetime]]] = defaultdict(dict)
    spans = Observation.objects.filter(endpoint__in=_nodes(services).values("pk"), chain__isnull=False).order_by()
    found = spans.values_list("endpoint", "chain__leaf").annotate(Min("first_seen_at"), Max("last_seen_at"))
    for endpoint, certificate, first, last in found:
        seen[endpoint][certificate] = first, last
    return seen


def _node(row: Endpoint, certificates: Sequence[int], leaves: Mapping[int, Leaf]) -> Node:
    return Node(row.pk, row.place, tuple(leaves[pk] for pk in certificates), row.owner_team_id)


def _digest(nodes: Iterable[Endpoint], served: Mapping[int, Sequence[int]]) -> str:
    said = [(row.pk, row.owner_team_id, *served[row.pk]) for row in nodes]
    return sha256(repr(said).encode()).hexdigest()
