"""Where a certificate is served: the nodes of its services, and what each of them sends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.urls import reverse

from accounts.models import User
from inventory.models import Certificate, Endpoint, Risk, ServedChain
from inventory.models.endpoints import EndpointQuerySet
from inventory.snapshot.rows import LEFT_BEHIND, is_judged

MOST_NODES = 500
THIS, OTHER, SILENT = "this", "other", "silent"


@dataclass(frozen=True, slots=True)
class Node:
    """One endpoint: ``state`` says whether it sends this certificate, another one, or gave no answer of late.

    ``is_behind``: the rules found that what it sends was replaced on another node.
    """

    endpoint: Endpoint
    state: str
    other: Certificate | None = None
    is_behind: bool = False

    @property
    def label(self) -> str:
        return self.endpoint.place

    @property
    def url(self) -> str:
        return reverse("inventory:endpoint_detail", args=[self.endpoint.pk])


@dataclass(frozen=True, slots=True)
class Service:
    """The nodes of one name and port."""

    name: str
    nodes: Sequence[Node]

    @property
    def serving(self) -> int:
        return sum(node.state == THIS for node in self.nodes)

    @property
    def title(self) -> str:
        """The name and port; the protocol only where it is not plain TLS."""
        return self.name.removesuffix("/tls")

    @property
    def hosts(self) -> list[str]:
        return list(dict.fromkeys(node.endpoint.host for node in self.nodes))

    @property
    def first(self) -> Endpoint:
        return self.nodes[0].endpoint

    @property
    def seen_at(self) -> datetime | None:
        return max((seen for node in self.nodes if (seen := node.endpoint.last_seen_at)), default=None)

    @property
    def tls_versions(self) -> list[str]:
        return sorted({node.endpoint.tls_version for node in self.nodes if node.endpoint.tls_version})

    @property
    def is_whole(self) -> bool:
        return self.serving == len(self.nodes)

    @property
    def is_behind(self) -> bool:
        return any(node.is_behind for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Other:
    """What some nodes send in place of a certificate; None where it has no name for us. ``is_open``: to this person."""

    certificate: Certificate | None
    nodes: Sequence[Node]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Served:
    """All services of a certificate. Nodes of other teams are only a number, and so are nodes over the limit."""

    services: Sequence[Service]
    of_others: int
    not_shown: int
    # What other certificates the nodes send, the most frequent first.
    others: Sequence[Other]

    @property
    def nodes(self) -> list[Node]:
        return [node for service in self.services for node in service.nodes]

    @property
    def other_nodes(self) -> int:
        return sum(len(other.nodes) for other in self.others)

    @property
    def is_behind(self) -> bool:
        return any(service.is_behind for service in self.services)


def where_served(certificate: Certificate, user: User, now: datetime) -> Served:
    """Six queries at most, whatever the number of nodes."""
    nodes = _nodes_of(certificate)
    visible = nodes.visible_to(user)
    total = nodes.count()
    seen = visible.count()
    rows = list(visible.select_related("certificate").order_by("service", "address", "port", "pk")[:MOST_NODES])
    sending = set(
        ServedChain.objects.filter(
            certificate=certificate, state=ServedChain.State.SERVED, endpoint__in=[row.pk for row in rows]
        ).values_list("endpoint", flat=True)
    )
    behind = left_behind(rows)
    found = [_node(row, certificate, sending, behind, now) for row in rows]
    services = [
        Service(name, list(group))
        for name, group in groupby(found, key=lambda node: node.endpoint.service or node.endpoint.place)
    ]
    return Served(services, total - seen, seen - len(rows), _others(found, user))


def left_behind(endpoints: Iterable[Endpoint]) -> set[int]:
    """Which of these the rules found left behind, as primary keys: a certificate carries the risks of its nodes."""
    found = {row.pk: row.certificate_id for row in endpoints if row.open_findings and row.certificate_id}
    if not found:
        return set()
    risks = Risk.objects.filter(code=LEFT_BEHIND, certificate__in=set(found.values()))
    carriers = set(risks.values_list("certificate", flat=True))
    return {endpoint for endpoint, certificate in found.items() if certificate in carriers}


def _nodes_of(certificate: Certificate) -> EndpointQuerySet:
    """The nodes that send it, or sent it last, and all nodes beside them under the same names."""
    sent = ServedChain.objects.filter(certificate=certificate).values("endpoint")
    services = Endpoint.objects.alive().filter(pk__in=sent).exclude(service="").values("service")
    beside = Endpoint.objects.alive().filter(service__in=services).order_by().values("pk")
    # As one set: PostgreSQL reads the whole table for two that stand beside each other with OR.
    return Endpoint.objects.alive().filter(pk__in=beside.union(sent.order_by()))


def _node(endpoint: Endpoint, certificate: Certificate, sending: set[int], behind: set[int], now: datetime) -> Node:
    """What nobody looked at for too long is as silent as what did not answer."""
    if not is_judged(endpoint, now):
        return Node(endpoint, SILENT)
    if endpoint.pk in sending or endpoint.certificate_id == certificate.pk:
        return Node(endpoint, THIS, is_behind=endpoint.pk in behind)
    return Node(endpoint, OTHER, endpoint.certificate, endpoint.pk in behind)


def _others(nodes: Iterable[Node], user: User) -> list[Other]:
    sending: dict[int | None, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.state == OTHER:
            sending[node.endpoint.certificate_id].append(node)
    seen: set[int] = set()
    if sending:
        visible = Certificate.objects.visible_to(user).filter(pk__in=[pk for pk in sending if pk])
        seen = set(visible.values_list("pk", flat=True))
    others = [Other(group[0].other, group, pk in seen) for pk, group in sending.items()]
    return sorted(others, key=lambda other: -len(other.nodes))
