"""The rows of lists as plain values: what a template shows cannot cause a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from inventory.filters import risk_words
from inventory.models import Certificate, Endpoint, Risk
from inventory.names import displayed
from inventory.status import Status

RISKS_SHOWN = 1


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """One certificate in a list. ``days_left`` is None where no end could be read."""

    certificate: Certificate
    status: Status
    is_urgent: bool
    days_left: int | None
    risks: Sequence[str]

    @property
    def other_form(self) -> str:
        """The name as people write it, where that is not how it is stored; shown beside it, never instead."""
        shown = displayed(self.certificate.name)
        return shown if shown != self.certificate.name else ""

    @property
    def more_names(self) -> int:
        return max(0, self.certificate.names_count - 1)

    @property
    def first_risks(self) -> Sequence[str]:
        return self.risks[:RISKS_SHOWN]

    @property
    def more_risks(self) -> Sequence[str]:
        return self.risks[RISKS_SHOWN:]

    @property
    def is_partly_served(self) -> bool:
        return 0 < self.certificate.nodes_serving < self.certificate.nodes_total


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint in a list: what it serves, and whether that is still evidence."""

    endpoint: Endpoint
    is_judged: bool
    served: CertificateRow | None


def certificate_rows(certificates: Iterable[Certificate], now: datetime) -> list[CertificateRow]:
    return [certificate_row(certificate, now) for certificate in certificates]


def certificate_row(certificate: Certificate, now: datetime, *, with_risks: bool = True) -> CertificateRow:
    ends, urgent_from = certificate.not_after, certificate.urgent_from
    status = certificate.status_at(now)
    risks = sorted(certificate.risks.all(), key=lambda risk: (-risk.severity, risk.code)) if with_risks else []
    return CertificateRow(
        certificate=certificate,
        status=status,
        is_urgent=status == Status.EXPIRING and urgent_from is not None and urgent_from <= now,
        days_left=None if ends is None else (ends - now) // timedelta(days=1),
        risks=[risk_words(risk.code) for risk in risks],
    )


def endpoint_rows(endpoints: Iterable[Endpoint], now: datetime) -> list[EndpointRow]:
    return [endpoint_row(endpoint, now) for endpoint in endpoints]


def endpoint_row(endpoint: Endpoint, now: datetime) -> EndpointRow:
    certificate = endpoint.certificate
    served = certificate_row(certificate, now, with_risks=False) if certificate is not None else None
    return EndpointRow(endpoint, is_judged(endpoint, now), served)


def is_judged(endpoint: Endpoint, now: datetime) -> bool:
    """Whether our last look at it is evidence: it brought a certificate, and is younger than twice its schedule."""
    seen = endpoint.last_seen_at
    served = endpoint.outcome == Endpoint.Outcome.SERVED
    return served and seen is not None and seen >= now - timedelta(seconds=2 * endpoint.schedule_seconds)


def with_listed(certificates: QuerySet[Certificate]) -> QuerySet[Certificate]:
    """Certificates with all that a row shows."""
    risks = Prefetch("risks", Risk.objects.order_by("-severity", "code"))
    return certificates.select_related("issuer", "owner_team").prefetch_related(risks)
