"""Services of several nodes: one summary for all nodes of each, and who must be judged again when it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, Max, Min, Q

from discovery.models import Observation
from inventory.models import Endpoint, ServedChain
from inventory.models.endpoints import EndpointQuerySet
from inventory.services.writing import among
from policy.models import Asked
from policy.rules.facts import Leaf, Node, Service
from policy.rules.siblings import MOST_NODES
from policy.services.calling import call
from policy.services.sent import evidence_until, leaves_of

TOO_LARGE = Service(is_too_large=True)
# Primary key of an endpoint → those of the certificates that it serves.
Certificates: TypeAlias = Mapping[int, Sequence[int]]
# Primary key of a certificate → when an endpoint was first and last seen to serve it.
Spans: TypeAlias = Mapping[int, tuple[datetime, datetime]]
Pairs: TypeAlias = set[tuple[int, int]]
_READ = (
    "service",
    "address",
    "port",
    "owner_team_id",
    "outcome",
    "retired_at",
    "last_seen_at",
    "schedule_seconds",
)


@dataclass(frozen=True, slots=True)
class Services:
    """Of each service concerned what its nodes serve, and a digest of that; none for a node alone."""

    summaries: Mapping[str, Service]
    digests: Mapping[str, str]


def services_of(endpoints: Iterable[Endpoint], now: datetime) -> Services:
    """Nodes that ever served a certificate are compared; those that do not answer, by what they served last."""
    names = {row.service for row in endpoints if row.service}
    found = _counts(names)
    compared = {name for name, (nodes, ever) in found.items() if nodes <= MOST_NODES and ever > 1}
    rows = [*_nodes(compared).alive().only(*_READ).order_by("pk"), *_retired(compared)]
    served = _served([row.pk for row in rows])
    summaries = {name: TOO_LARGE for name, (nodes, _) in found.items() if nodes > MOST_NODES}
    digests = dict.fromkeys(summaries, "too large")
    leaves = leaves_of({certificate for of_one in served.values() for certificate in of_one})
    by_service = _by_service(rows)
    changes = _changes_of(by_service, served)
    for name, nodes in by_service.items():
        told = tuple(_node(row, served[row.pk], leaves, now) for row in nodes)
        replaced, alternated = (
            frozenset((leaves[former].sha256, leaves[later].sha256) for former, later in pairs)
            for pairs in changes[name]
        )
        summaries[name] = Service(told, replaced=replaced, alternated=alternated)
        digests[name] = _digest(nodes, told, served)
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
    """Those that ever served a certificate."""
    return Endpoint.objects.filter(service__in=services, certificate__isnull=False)


def _counts(services: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many nodes each has, and how many with those that are retired."""
    counted = _nodes(services).order_by().values_list("service")
    nodes, ever = Count("pk", filter=Q(retired_at=None)), Count("pk")
    return {name: (alive, all_of_them) for name, alive, all_of_them in counted.annotate(nodes=nodes, ever=ever)}


def _retired(services: Iterable[str]) -> Iterable[Endpoint]:
    """What was seen of them was seen. They are no longer counted, and of very many those that went last are enough."""
    gone = _nodes(services).filter(retired_at__isnull=False)
    return gone.only(*_READ).order_by("-retired_at", "pk")[:MOST_NODES]


def _by_service(rows: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    nodes: dict[str, list[Endpoint]] = defaultdict(list)
    for row in rows:
        nodes[row.service].append(row)
    return nodes


def _served(nodes: Sequence[int]) -> dict[int, list[int]]:
    """The certificates of each node; what everybody gets comes first, as its word does in the alphabet."""
    pointers = ServedChain.objects.filter(among("endpoint_id", nodes))
    served: dict[int, list[int]] = defaultdict(list)
    for endpoint, certificate in pointers.order_by("endpoint_id", "variant").values_list("endpoint", "certificate"):
        served[endpoint].append(certificate)
    return served


def _changes_of(services: Mapping[str, Sequence[Endpoint]], served: Certificates) -> dict[str, tuple[Pairs, Pairs]]:
    """Of each service pairs (former, later) of what its nodes serve: seen to change for good, and to and fro."""
    carried = {name: {pk for row in nodes for pk in served[row.pk]} for name, nodes in services.items()}
    # A node alone, or where all serve the same, is not asked for.
    spans = _spans([row.pk for name, nodes in services.items() if len(carried[name]) > 1 for row in nodes])
    found: dict[str, tuple[Pairs, Pairs]] = {name: (set(), set()) for name in services}
    for name, nodes in services.items():
        for row in nodes:
            for former, later, is_for_good in _changes(spans.get(row.pk, {}), served[row.pk]):
                if former in carried[name]:
                    found[name][0 if is_for_good else 1].add((former, later))
    return found


def _changes(spans: Spans, serves: Sequence[int]) -> Iterator[tuple[int, int, bool]]:
    """What one node serves and what it served before; who served the former again later did not replace it."""
    begun = {later: spans[later][0] for later in serves if later in spans}
    for former, (_, last_seen_at) in spans.items():
        for later, first_seen_at in begun.items():
            if former not in serves:
                yield former, later, last_seen_at <= first_seen_at


def _spans(nodes: Sequence[int]) -> Mapping[int, Spans]:
    """What was seen at each of these nodes."""
    seen: dict[int, dict[int, tuple[datetime, datetime]]] = defaultdict(dict)
    spans = Observation.objects.filter(among("endpoint_id", nodes), chain__isnull=False).order_by()
    found = spans.values_list("endpoint", "chain__leaf").annotate(Min("first_seen_at"), Max("last_seen_at"))
    for endpoint, certificate, first, last in found:
        seen[endpoint][certificate] = first, last
    return seen


def _node(row: Endpoint, certificates: Sequence[int], leaves: Mapping[int, Leaf], now: datetime) -> Node:
    until = evidence_until(row.last_seen_at, row, now)
    is_retired = row.retired_at is not None
    return Node(
        key=row.pk,
        place=row.place,
        leaves=tuple(leaves[pk] for pk in certificates),
        team=row.owner_team_id,
        is_fresh=not is_retired and row.outcome == Endpoint.Outcome.SERVED and (until is None or now < until),
        is_retired=is_retired,
    )


def _digest(nodes: Iterable[Endpoint], told: Iterable[Node], served: Certificates) -> str:
    """The retired are not in it: that one is retired is seen by its absence."""
    said = [
        (row.pk, row.owner_team_id, node.is_fresh, *served[row.pk])
        for row, node in zip(nodes, told, strict=True)
        if not node.is_retired
    ]
    return sha256(repr(said).encode()).hexdigest()
