"""The judgement: whether a path leads from what a server sends to an anchor that somebody trusts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from inventory.trust.faults import Fault, Purpose, first_fault
from inventory.trust.stores import TrustStore
from inventory.trust.walk import Given, Positions, Route, TooTangledError, Walk
from inventory.x509 import ParsedCertificate

Certificates = tuple[ParsedCertificate, ...]


@dataclass(frozen=True, slots=True)
class Trusted:
    """A right path leads to an anchor of `store`.

    `path` is leaf first, anchor last. `ends_at` is its earliest notAfter, `ends_with` the
    certificate that this is from; the leaf itself may have expired (that is its status, not the
    path's fault): `ends_at` is in the past then.
    """

    path: Certificates
    store: str
    ends_at: datetime
    ends_with: ParsedCertificate
    sentence: str


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The issuer of the last certificate that can be reached was neither sent nor is it an anchor.

    `missing` names that issuer; `hints` are the addresses at which the last certificate says its
    issuer can be had (they are hostile input: nothing here fetches them).
    """

    path: Certificates
    missing: str
    hints: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Untrusted:
    """`code`: self_signed, untrusted_root, bad_signature, or one of `faults`."""

    path: Certificates
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class NotJudged:
    """Nobody can say, for the reason given; never shown as good."""

    path: Certificates
    sentence: str


Path = Trusted | Incomplete | Untrusted | NotJudged
_RANK = (Trusted, NotJudged, Untrusted)


def build_path(
    chain: Sequence[Given], stores: Sequence[TrustStore], now: datetime, purpose: Purpose = "server"
) -> Path:
    """Judge a chain as sent: leaf first, the rest in any order, nothing fetched.

    The path is judged at `now`, or at the nearest moment at which the leaf is in date: an expired
    leaf with a right chain is expired, and not untrusted as well.
    """
    if not chain:
        return NotJudged((), "The server sent no certificate.")
    walk = Walk(chain, stores)
    if walk.sent[0] is None:
        return NotJudged((), "The first certificate that was sent could not be read.")
    if not stores:
        return NotJudged((walk[0],), "There is no trust store to judge by.")
    try:
        return _judged(walk, now, purpose)
    except TooTangledError:
        return NotJudged((walk[0],), "The chain names more possible issuers than can be followed.")


def _judged(walk: Walk, now: datetime, purpose: Purpose) -> Path:
    routes = walk.routes()
    if not routes:
        return _without_anchor(walk, best_way(walk))
    paths = [_judge(walk, route, now, purpose) for route in routes]
    # In one class the shortest path comes first, as the routes did.
    return min(paths, key=lambda path: _RANK.index(type(path)))


def _judge(walk: Walk, route: Route, now: datetime, purpose: Purpose) -> Trusted | Untrusted | NotJudged:
    certificates = route.certificates
    fault = _unproved(walk, certificates) or first_fault(certificates, _moment(certificates[0], now), purpose)
    if fault and fault.code == "unknown":
        return NotJudged(certificates, fault.sentence)
    if fault:
        return Untrusted(certificates, fault.code, fault.sentence)
    ending = [(certificate.not_after, certificate) for certificate in certificates]
    dated = [(ends, certificate) for ends, certificate in ending if ends is not None]
    if len(dated) < len(ending):
        return NotJudged(certificates, "The dates of a certificate on the path could not be read.")
    ends_at, ends_with = min(dated, key=lambda pair: pair[0])
    return Trusted(certificates, route.store, ends_at, ends_with, f"Trusted through {route.store}.")


def _unproved(walk: Walk, certificates: Certificates) -> Fault | None:
    for certificate, issuer in pairwise(certificates):
        if walk.signed_by(certificate, issuer) is None:
            algorithm = certificate.signature_algorithm
            return Fault("unknown", f"The signature on {certificate.name} ({algorithm}) cannot be checked here.")
    return None


def _moment(leaf: ParsedCertificate, now: datetime) -> datetime:
    if leaf.not_after is not None and now > leaf.not_after:
        return leaf.not_after
    if leaf.not_before is not None and now < leaf.not_before:
        return leaf.not_before
    return now


def best_way(walk: Walk) -> Positions:
    """Return the way that explains most: one that ends at a root, else the longest."""
    return max(walk.paths(), key=lambda path: (walk[path[-1]].is_self_signed is True, len(path)))


def _without_anchor(walk: Walk, positions: Positions) -> Path:
    certificates = tuple(walk[at] for at in positions)
    last = certificates[-1]
    if last.is_self_signed:
        return _own_root(certificates)
    impostor = walk.impostor(positions[-1])
    if impostor is not None:
        sentence = f"The key of {impostor.name} did not make the signature on {last.name}."
        return Untrusted(certificates, "bad_signature", sentence)
    if last.is_self_issued and last.is_self_signed is None:
        return NotJudged(
            certificates, f"The signature on {last.name} ({last.signature_algorithm}) cannot be checked here."
        )
    return _missing(certificates)


def _own_root(certificates: Certificates) -> Untrusted:
    name = certificates[-1].name
    if len(certificates) == 1:
        return Untrusted(certificates, "self_signed", f"{name} is signed by its own key and is in no trust store.")
    return Untrusted(certificates, "untrusted_root", f"The path ends at {name}, a root that is in no trust store.")


def _missing(certificates: Certificates) -> Incomplete:
    last = certificates[-1]
    issuer = last.issuer_label
    sentence = f"{last.name} was issued by {issuer}, which was not sent and is in no trust store."
    return Incomplete(certificates, issuer, last.aia_issuers, sentence)
