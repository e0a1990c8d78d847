"""Who issued whom among the certificates that a server sent, proved by signatures.

Time plays no part here. The number of steps is bounded, because a chain is hostile input: four
hundred authorities of one name could all have issued each other.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from inventory.trust.stores import TrustStore
from inventory.x509 import NotACertificate, ParsedCertificate, parse
from inventory.x509.signatures import verifies
from inventory.x509.strict import load

Given = ParsedCertificate | bytes
Positions = tuple[int, ...]

_MOST_SIGNATURES = 100
_MOST_STEPS = 1000
_LONGEST_PATH = 12
_KEPT_VERDICTS = 20_000

# The same intermediates stand in thousands of chains; a signature never changes its mind.
_verdicts: dict[tuple[str, str], bool | None] = {}


class TooTangledError(Exception):
    """More possible issuers than a chain can honestly have."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way from the leaf to an anchor.

    `certificates` ends with the anchor as the store holds it; `positions` are those that were
    sent, up to the one before the anchor, or the anchor itself if it was sent.
    """

    positions: Positions
    certificates: tuple[ParsedCertificate, ...]
    store: str


def signed_by(certificate: ParsedCertificate, issuer: ParsedCertificate) -> bool | None:
    """Tell whether the issuer's key made the signature; None if that cannot be computed here."""
    pair = certificate.sha256, issuer.sha256
    if pair in _verdicts:
        return _verdicts[pair]
    verdict = _verify(certificate, issuer)
    if len(_verdicts) < _KEPT_VERDICTS:
        _verdicts[pair] = verdict
    return verdict


def _verify(certificate: ParsedCertificate, issuer: ParsedCertificate) -> bool | None:
    signed, signer = load(certificate.der), load(issuer.der)
    return None if signed is None or signer is None else verifies(signed, signer)


def same_key_meant(certificate: ParsedCertificate, issuer: ParsedCertificate) -> bool:
    """Tell whether key identifiers leave it open that this issuer is the one that is meant."""
    wanted, has = certificate.authority_key_id, issuer.subject_key_id
    return not wanted or not has or wanted == has


class Walk:
    """The certificates as sent (None: unreadable), with what leads from each to its issuers."""

    def __init__(self, chain: Sequence[Given], stores: Sequence[TrustStore]) -> None:
        self.sent = [_read(given) for given in chain]
        self.stores = stores
        self.repeated = self._repeated()
        self._asked: set[tuple[str, str]] = set()
        self._issuers: dict[int, Positions] = {}
        self._by_subject: defaultdict[str, list[int]] = defaultdict(list)
        for at, certificate in enumerate(self.sent):
            if certificate is not None and at not in self.repeated:
                self._by_subject[certificate.subject_key].append(at)

    def __getitem__(self, at: int) -> ParsedCertificate:
        certificate = self.sent[at]
        if certificate is None:
            raise LookupError(f"the certificate at position {at} could not be read")
        return certificate

    def _repeated(self) -> frozenset[int]:
        seen: set[str] = set()
        again = set()
        for at, certificate in enumerate(self.sent):
            if certificate is not None and certificate.sha256 in seen:
                again.add(at)
            elif certificate is not None:
                seen.add(certificate.sha256)
        return frozenset(again)

    def signed_by(self, certificate: ParsedCertificate, issuer: ParsedCertificate) -> bool | None:
        """Like the function, within the bound of this chain."""
        self._asked.add((certificate.sha256, issuer.sha256))
        if len(self._asked) > _MOST_SIGNATURES:
            raise TooTangledError
        return signed_by(certificate, issuer)

    def issuers(self, at: int) -> Positions:
        """Return the positions of those that issued it; the ones its key identifier names first."""
        if at not in self._issuers:
            certificate = self[at]
            named = [other for other in self._by_subject[certificate.issuer_key] if other != at]
            named.sort(key=lambda other: not same_key_meant(certificate, self[other]))
            found = (other for other in named if self.signed_by(certificate, self[other]) is not False)
            self._issuers[at] = tuple(found)
        return self._issuers[at]

    def impostor(self, at: int) -> ParsedCertificate | None:
        """Return a certificate that claims to be the issuer, but whose key did not sign."""
        certificate = self[at]
        sent = [self[other] for other in self._by_subject[certificate.issuer_key]]
        anchors = [anchor for store in self.stores for anchor in store.named(certificate.issuer_key)]
        for claimed in (*sent, *anchors):
            if same_key_meant(certificate, claimed) and signed_by(certificate, claimed) is False:
                return claimed
        return None

    def paths(self) -> list[Positions]:
        """Return every way up from the leaf as far as it goes, found depth first."""
        ended: list[Positions] = []
        open_paths: list[Positions] = [(0,)]
        for _ in range(_MOST_STEPS):
            if not open_paths:
                return ended
            path = open_paths.pop()
            further = [(*path, at) for at in self.issuers(path[-1]) if self._is_new(path, at)]
            if not further or len(path) == _LONGEST_PATH:
                ended.append(path)
            else:
                open_paths += reversed(further)
        raise TooTangledError

    def _is_new(self, path: Positions, at: int) -> bool:
        """Tell whether name and key are not on the path yet: cross-signed roots lead in circles."""
        new = self[at]
        return all(
            (self[other].subject_key, self[other].spki_sha256) != (new.subject_key, new.spki_sha256) for other in path
        )

    def routes(self) -> list[Route]:
        """Return the ways to an anchor of a store, the shortest first."""
        found: dict[tuple[Positions, str], Route] = {}
        for path in self.paths():
            for end, at in enumerate(path, start=1):
                for route in self._anchored(path[:end], self[at]):
                    found.setdefault((route.positions, route.certificates[-1].sha256), route)
        return sorted(found.values(), key=lambda route: len(route.certificates))

    def _anchored(self, positions: Positions, last: ParsedCertificate) -> list[Route]:
        before = tuple(self[at] for at in positions[:-1])
        routes = []
        for store in self.stores:
            itself = store.anchor_like(last)
            if itself is not None:
                routes.append(Route(positions, (*before, itself), store.name))
                continue
            signers = (anchor for anchor in store.named(last.issuer_key) if self.signed_by(last, anchor) is not False)
            routes += (Route(positions, (*before, last, anchor), store.name) for anchor in signers)
        return routes


def _read(given: Given) -> ParsedCertificate | None:
    if isinstance(given, ParsedCertificate):
        return given
    try:
        return parse(given)
    except NotACertificate:
        return None
