"""Everything that the page of one certificate shows, read in a fixed number of queries."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from inventory.filters import risk_words
from inventory.models import Certificate, CertificateName, Risk, Sighting
from inventory.snapshot.chains import chain_sent
from inventory.snapshot.lineage import Lineage, lineage
from inventory.snapshot.nodes import Served, where_served
from inventory.snapshot.paths import ChainPicture, chain_picture
from inventory.snapshot.rows import CertificateRow, certificate_row
from inventory.status import life_days

NAMES_FIRST = 6
NAMES_AT_MOST = 1000
SIGHTINGS_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class RiskWords:
    code: str
    words: str
    severity: int


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """One certificate with all that is known around it. ``names`` are cut at ``NAMES_AT_MOST``."""

    row: CertificateRow
    names: Sequence[CertificateName]
    risks: Sequence[RiskWords]
    sightings: Sequence[Sighting]
    served: Served
    chain: ChainPicture
    lineage: Lineage | None
    pem: str

    @property
    def first_names(self) -> Sequence[CertificateName]:
        return self.names[:NAMES_FIRST]

    @property
    def more_names(self) -> Sequence[CertificateName]:
        return self.names[NAMES_FIRST:]

    @property
    def names_not_shown(self) -> int:
        return max(0, self.row.certificate.names_count - len(self.names))

    @property
    def unread(self) -> frozenset[str]:
        """Properties of which nothing can be said: what is empty there is not known to be empty."""
        named = {problem["property"] for problem in self.row.certificate.problems}
        if "certificate" in named:
            named |= {"names", "subject"}
        return frozenset(named | {"names"} if "extensions" in named else named)

    @property
    def life_days(self) -> int | None:
        return life_days(self.row.certificate.not_before, self.row.certificate.not_after)


def certificate_page(certificate: Certificate, user: User, now: datetime) -> CertificatePage:
    der = bytes(certificate.der.der) if hasattr(certificate, "der") else b""
    risks = Risk.objects.filter(certificate=certificate).order_by("-severity", "code")
    sightings = Sighting.objects.filter(certificate=certificate)
    return CertificatePage(
        row=certificate_row(certificate, now, with_risks=False),
        names=list(CertificateName.objects.filter(certificate=certificate)[:NAMES_AT_MOST]),
        risks=[RiskWords(risk.code, risk_words(risk.code), risk.severity) for risk in risks],
        sightings=list(sightings.visible_to(user).order_by("-last_at")[:SIGHTINGS_AT_MOST]),
        served=where_served(certificate, user, now),
        chain=chain_picture(der, chain_sent(certificate, user), user, now),
        lineage=lineage(certificate, user, now),
        pem=pem(der) if der else "",
    )


def pem(der: bytes) -> str:
    """RFC 7468, section 5.1."""
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
