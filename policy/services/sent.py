"""What endpoints send to each kind of client: certificates, their names as signed, and chains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.models import Certificate, CertificateName, ChainLink, Endpoint, ServedChain
from inventory.status import AHEAD
from policy.rules.facts import Leaf, PathFacts, Sent
from policy.services.calling import MOST
from policy.services.paths import path_facts

Names = tuple[tuple[str, str], ...]
_COMPARED = (
    "sha256",
    "names_sha256",
    "key_type",
    "not_before",
    "details",
    "spki_sha256",
    "expiring_from",
    "urgent_from",
)
# What stands in the way of reading the names of a certificate that shows none.
_UNREAD = frozenset({"names", "extensions", "certificate"})


@dataclass(frozen=True, slots=True)
class Served:
    """The pointers of each endpoint, and of each certificate that they name what is compared."""

    pointers: Mapping[int, Sequence[ServedChain]]
    names: Mapping[int, Names]
    leaves: Mapping[int, Leaf]

    def of(self, endpoint: Endpoint) -> Sequence[ServedChain]:
        return self.pointers.get(endpoint.pk, ())


def served_by(endpoints: Collection[int]) -> Served:
    """Of each endpoint, what everybody gets comes first, as its word does in the alphabet."""
    pointers: dict[int, list[ServedChain]] = defaultdict(list)
    rows = ServedChain.objects.filter(endpoint__in=endpoints).select_related("certificate")
    for row in rows.order_by("endpoint_id", "variant"):
        pointers[row.endpoint_id].append(row)
    certificates = {row.certificate_id: row.certificate for of_one in pointers.values() for row in of_one}
    names = names_as_signed(certificates)
    return Served(pointers, names, {pk: _leaf(row, names.get(pk, ())) for pk, row in certificates.items()})


def leaves_of(certificates: Collection[int]) -> dict[int, Leaf]:
    """What is compared of each of these certificates, and no more of them is read."""
    wanted, leaves = sorted(certificates), {}
    for start in range(0, len(wanted), MOST):
        found = Certificate.objects.filter(pk__in=wanted[start : start + MOST]).only(*_COMPARED).in_bulk()
        names = names_as_signed(found)
        leaves.update({pk: _leaf(row, names.get(pk, ())) for pk, row in found.items()})
    return leaves


def _leaf(row: Certificate, names: Names) -> Leaf:
    carried = frozenset((kind, value.lower()) for kind, value in names)
    return Leaf(
        sha256=row.sha256,
        names_sha256=row.names_sha256,
        key_type=row.key_type,
        not_before=row.not_before,
        names=carried,
        key=row.spki_sha256,
        expiring_from=row.expiring_from,
        urgent_from=row.urgent_from,
    )


def sent_by(endpoints: Sequence[Endpoint], served: Served, now: datetime) -> dict[int, tuple[Sent, ...]]:
    paths = _paths({pointer.chain_id for row in endpoints for pointer in served.of(row)}, now)
    return {
        row.pk: tuple(_sent(row, pointer, served, paths.get(pointer.chain_id), now) for pointer in served.of(row))
        for row in endpoints
    }


def _sent(row: Endpoint, pointer: ServedChain, served: Served, path: PathFacts | None, now: datetime) -> Sent:
    certificate = pointer.certificate
    names = served.names.get(certificate.pk, ())
    unread = {problem.get("property") for problem in certificate.problems} & _UNREAD
    return Sent(
        variant=pointer.variant,
        leaf=served.leaves[certificate.pk],
        names=names,
        names_count=certificate.names_count,
        path=path,
        seen_at=pointer.observed_at,
        fresh_until=evidence_until(pointer.observed_at, row, now),
        are_names_read=bool(names) or not unread,
    )


def evidence_until(seen_at: datetime | None, row: Endpoint, now: datetime) -> datetime | None:
    """A look is evidence for twice the schedule; one that lies in the future was never any."""
    if seen_at and seen_at > now + AHEAD:
        return now
    return seen_at + timedelta(seconds=2 * row.schedule_seconds) if seen_at else None


def names_as_signed(certificates: Mapping[int, Certificate]) -> dict[int, Names]:
    """Alternative names as (kind, value) in the certificate's order.

    They are kept as they are compared (lower case, A-labels); where they were signed otherwise, that is kept, too.
    """
    signed = {pk: dict(row.details.get("names_as_signed", ())) for pk, row in certificates.items()}
    rows = CertificateName.objects.filter(certificate__in=certificates).order_by("certificate_id", "position")
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for pk, position, kind, value in rows.values_list("certificate_id", "position", "kind", "value"):
        names[pk].append((kind, signed[pk].get(position, value)))
    return {pk: tuple(pairs) for pk, pairs in names.items()}


def _paths(chains: Collection[int], now: datetime) -> dict[int, PathFacts]:
    ders: dict[int, list[bytes | None]] = defaultdict(list)
    links = ChainLink.objects.filter(chain__in=chains).order_by("chain_id", "position")
    # The bytes stand in a table of their own, so a row of them may be missing.
    stored: Iterable[tuple[int, bytes | memoryview | None]] = links.values_list("chain_id", "certificate__der__der")
    for chain_id, der in stored:
        ders[chain_id].append(None if der is None else bytes(der))
    # A chain of which bytes are missing is not judged; it must not keep the others from it.
    return path_facts({chain: whole for chain, sent in ders.items() if (whole := _whole(sent))}, now)


def _whole(sent: Sequence[bytes | None]) -> list[bytes]:
    present = [der for der in sent if der is not None]
    return present if len(present) == len(sent) else []
