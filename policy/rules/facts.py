"""What the rules know of one endpoint after its last look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DEFAULT = "default"
# Whom the other variants are sent to, as people call them.
CLIENTS = {"rsa": "clients that ask for RSA", "ecdsa": "clients that ask for ECDSA"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate that a node serves: enough to see which is the newer of two.

    ``names_sha256`` is over all names, ``names`` are those that are kept; ``key`` tells keys apart. From
    ``expiring_from`` on it is due for renewal, from ``urgent_from`` on it is late for it (inventory.status).
    """

    sha256: str
    names_sha256: str
    key_type: str
    not_before: datetime | None
    names: frozenset[tuple[str, str]] = frozenset()
    key: str = ""
    expiring_from: datetime | None = None
    urgent_from: datetime | None = None

    def carries_all_of(self, other: Leaf) -> bool:
        """Whether it may stand for the other: a renewal has the same names, or more."""
        return self.names_sha256 == other.names_sha256 or (bool(other.names) and self.names >= other.names)


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a service; ``team`` owns it, ``key`` tells it from the others.

    ``leaves`` are what it serves, or served when it last answered: without ``is_fresh``, its last look brought no
    certificate or is too old. One that ``is_retired`` is no node any more, but what was seen of it was seen.
    """

    key: int
    place: str
    leaves: tuple[Leaf, ...]
    team: int | None = None
    is_fresh: bool = True
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """All nodes of one service that ever served a certificate, the retired ones last; its nodes share this one object.

    ``replaced`` are pairs (SHA-256 of the former, of the later) of what they serve: one node at least served the former
    before it served the later one, and not again since. ``alternated``: a node that serves the later one served the
    former before and after it had begun to. Of a service that ``is_too_large`` nothing is read.
    """

    nodes: tuple[Node, ...] = ()
    is_too_large: bool = False
    replaced: frozenset[tuple[str, str]] = frozenset()
    alternated: frozenset[tuple[str, str]] = frozenset()


NO_SERVICE = Service()


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What path building says of the chain as sent (inventory.trust).

    ``trusted`` is None when it could not be judged; without ``is_read`` the form of the chain is unknown, too, and
    ``sentence`` says why. ``missing`` names the issuer that was not sent, and ``missing_is`` says what is known of it:
    no server need send a root. ``changes_at`` is the next moment at which an authority's own dates may change the
    answer.
    """

    trusted: bool | None
    sentence: str
    is_read: bool = True
    is_self_signed: bool = False
    missing: str = ""
    missing_is: Literal["unknown", "intermediate", "root"] = "unknown"
    misplaced: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    changes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the endpoint sends to one kind of client.

    ``names`` are (kind, value) as signed, not as they are compared elsewhere: clients compare the bytes. Where they are
    fewer than ``names_count``, the rest is not kept; ``are_names_read`` is False where they could not be read.
    ``path`` is None where bytes of the chain are missing here. ``fresh_until`` is when this look stops being evidence.
    """

    variant: str
    leaf: Leaf
    names: tuple[tuple[str, str], ...]
    names_count: int
    path: PathFacts | None
    seen_at: datetime | None = None
    fresh_until: datetime | None = None
    are_names_read: bool = True


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """One endpoint. ``server_name`` comes from people or DNS, never from the certificate.

    ``stale_from`` is when the last look stops being evidence (twice the schedule). ``sent`` begins with what is sent to
    clients that ask for nothing special. ``key`` finds it among the nodes of its ``service``; whoever sees it may read
    the places of nodes that ``named_teams`` own.
    """

    retired: bool
    tried: bool
    served: bool
    reason: str
    seen_at: datetime | None
    stale_from: datetime | None
    server_name: str
    tls_version: str
    sent: tuple[Sent, ...]
    key: int = 0
    service: Service = NO_SERVICE
    named_teams: frozenset[int | None] = frozenset()
