"""Trust stores: the bundled roots of Mozilla, and those that an organisation brings."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from inventory.x509 import NotACertificate, ParsedCertificate, parse, split_pem

_MOZILLA = Path(__file__).parent.parent / "data" / "mozilla_roots.pem"
_DATE = re.compile(r"^# Date: (\d{4}-\d\d-\d\d)$", re.MULTILINE)
_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})


@dataclass(frozen=True, slots=True, eq=False)
class TrustStore:
    """A named set of trust anchors.

    Attributes:
        name: what people call it: "Mozilla roots".
        date: of which day the set is; None where nobody said.
        anchors: in the order of the file, each once.
        refused: a sentence for each block of the file that is no certificate.

    """

    name: str
    date: date | None
    anchors: tuple[ParsedCertificate, ...]
    refused: tuple[str, ...]
    _by_subject: Mapping[str, Sequence[ParsedCertificate]]

    def named(self, subject_key: str) -> Sequence[ParsedCertificate]:
        """Return the anchors with that subject: those that may have issued a certificate."""
        return self._by_subject.get(subject_key, ())

    def anchor_like(self, certificate: ParsedCertificate) -> ParsedCertificate | None:
        """Return the anchor that this certificate is: same subject and same key (RFC 5280, 6.1.1)."""
        for anchor in self.named(certificate.subject_key):
            if anchor.spki_sha256 == certificate.spki_sha256:
                return anchor
        return None


def store_from_pem(name: str, pem: str | bytes, day: date | None = None) -> TrustStore:
    """Read a store from PEM; what is no certificate in it is named, not raised."""
    anchors: list[ParsedCertificate] = []
    refused: list[str] = []
    for block in split_pem(pem.encode() if isinstance(pem, str) else pem):
        if block.label not in _LABELS:
            refused.append(f"At byte {block.offset}: not a certificate, but {block.label or 'nothing readable'}.")
        elif block.content is None:
            refused.append(f"At byte {block.offset}: {block.reason}.")
        else:
            _add(block.content, block.offset, anchors, refused)
    return _store(name, day, anchors, refused)


def _add(content: bytes, offset: int, anchors: list[ParsedCertificate], refused: list[str]) -> None:
    try:
        anchors.append(parse(content))
    except NotACertificate as error:
        refused.append(f"At byte {offset}: {error}.")


def _store(name: str, day: date | None, anchors: Sequence[ParsedCertificate], refused: Sequence[str]) -> TrustStore:
    unique = {anchor.sha256: anchor for anchor in anchors}
    by_subject: defaultdict[str, list[ParsedCertificate]] = defaultdict(list)
    for anchor in unique.values():
        by_subject[anchor.subject_key].append(anchor)
    return TrustStore(name, day, tuple(unique.values()), tuple(refused), dict(by_subject))


@cache
def mozilla_roots() -> TrustStore:
    """Return the bundled roots; read once, at the first call (about 0.1 s)."""
    text = _MOZILLA.read_text(encoding="utf-8")
    found = _DATE.search(text)
    day = date.fromisoformat(found[1]) if found else None
    return store_from_pem("Mozilla roots", text, day)
