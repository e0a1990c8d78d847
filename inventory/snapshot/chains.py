"""Chains as servers send them: which, by how many nodes, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from accounts.models import User
from inventory.models import Certificate, Chain, ChainLink, ServedChain

MOST_LINKS = 20


@dataclass(frozen=True, slots=True)
class SentLink:
    """One certificate of a chain; ``is_open`` says whether the person may open its page."""

    certificate: Certificate
    position: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class SentChain:
    """What most nodes send. ``nodes`` of ``of`` send exactly this; 0 where nobody does, by their last answers."""

    links: Sequence[SentLink]
    length: int
    nodes: int
    of: int

    @property
    def ders(self) -> list[bytes]:
        """The bytes, in the order of the chain, of those certificates whose bytes are stored."""
        return [bytes(link.certificate.der.der) for link in self.links if hasattr(link.certificate, "der")]

    @property
    def not_shown(self) -> int:
        return self.length - len(self.links)


def chain_sent(certificate: Certificate, user: User) -> SentChain | None:
    """The chain in which most nodes send a certificate, else the last one it was seen in; None if there is none."""
    counted = list(
        ServedChain.objects.filter(certificate=certificate, endpoint__retired_at=None)
        .values_list("chain")
        .annotate(nodes=Count("endpoint", distinct=True, filter=Q(state=ServedChain.State.SERVED)))
        .order_by("-nodes", "-chain")
    )
    nodes, of = (counted[0][1], sum(number for _chain, number in counted)) if counted else (0, 0)
    wanted = [counted[0][0]] if counted else []
    chain = (
        Chain.objects.filter(pk__in=wanted) if counted else Chain.objects.filter(leaf=certificate).order_by("-pk")
    ).first()
    if chain is None:
        return None
    links = list(ChainLink.objects.filter(chain=chain).select_related("certificate__der")[:MOST_LINKS])
    seen = set(
        Certificate.objects.visible_to(user)
        .filter(pk__in=[link.certificate_id for link in links])
        .values_list("pk", flat=True)
    )
    found = [SentLink(link.certificate, link.position, link.certificate_id in seen) for link in links]
    return SentChain(found, chain.length, nodes, of)
