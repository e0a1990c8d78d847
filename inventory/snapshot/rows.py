"""The rows of lists as plain values: what a template shows cannot cause a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from inventory.filters import risk_words
from inventory.models import Certificate, Endpoint, Risk
from inventory.models.standing import judged_in_time
from inventory.names import other_form
from inventory.status import AHEAD, Status

RISKS_SHOWN = 1
# The rule that tells which node was left behind; nodes that merely differ may each have a certificate of their own.
LEFT_BEHIND = "not_same_everywhere"


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """One certificate in a list."""

    certificate: Certificate
    status: Status
    is_urgent: bool
    risks: Sequence[str]
    # Whether the rules were asked of it: that no risk stands beside it says something only then.
    judged_in_time: bool
    # Whether a node that serves it was left behind; only rows with risks know.
    is_left_behind: bool

    @property
    def is_troubled(self) -> bool:
        """Whether something keeps what is in date from being called good: a finding, or no judgement of late."""
        return bool(self.certificate.worst_severity) or not self.judged_in_time

    @property
    def other_form(self) -> str:
        """The name as people write it, where that is not how it is stored; shown beside it, never instead."""
        return other_form(self.certificate.name)

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
    def nodes_answering(self) -> int:
        """Nodes whose last answer was this certificate; others sent it last, and are silent since."""
        return max(0, self.certificate.nodes_serving - self.certificate.nodes_last_known)


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint in a list: what it serves, and why that is no evidence any more ("" while it is)."""

    endpoint: Endpoint
    why_not_judged: str
    judged_in_time: bool
    served: CertificateRow | None

    @property
    def is_judged(self) -> bool:
        return not self.why_not_judged

    @property
    def is_troubled(self) -> bool:
        """As of a certificate."""
        return bool(self.endpoint.worst_severity) or not self.judged_in_time

    @property
    def worse_certificate(self) -> int:
        """The worst that is found of the certificate it serves, where that is worse than its own findings; else 0."""
        severity = self.served.certificate.worst_severity if self.served and self.is_judged else 0
        return severity if severity > self.endpoint.worst_severity else 0


def certificate_rows(certificates: Iterable[Certificate], now: datetime) -> list[CertificateRow]:
    return [certificate_row(certificate, now) for certificate in certificates]


def certificate_row(certificate: Certificate, now: datetime, *, with_risks: bool = True) -> CertificateRow:
    urgent_from = certificate.urgent_from
    status = certificate.status_at(now)
    risks = sorted(certificate.risks.all(), key=lambda risk: (-risk.severity, risk.code)) if with_risks else []
    return CertificateRow(
        certificate=certificate,
        status=status,
        is_urgent=status == Status.EXPIRING and urgent_from is not None and urgent_from <= now,
        risks=[risk_words(risk.code) for risk in risks],
        judged_in_time=certificate.kind == Certificate.Kind.LEAF and judged_in_time(certificate, now),
        is_left_behind=any(risk.code == LEFT_BEHIND for risk in risks),
    )


def endpoint_rows(endpoints: Iterable[Endpoint], now: datetime) -> list[EndpointRow]:
    return [endpoint_row(endpoint, now) for endpoint in endpoints]


def endpoint_row(endpoint: Endpoint, now: datetime) -> EndpointRow:
    certificate = endpoint.certificate
    served = certificate_row(certificate, now, with_risks=False) if certificate is not None else None
    return EndpointRow(endpoint, why_not_judged(endpoint, now), judged_in_time(endpoint, now), served)


def is_judged(endpoint: Endpoint, now: datetime) -> bool:
    """Whether our last look at it is evidence: it brought a certificate, and is younger than twice its schedule."""
    seen = endpoint.last_seen_at
    if endpoint.outcome != Endpoint.Outcome.SERVED or seen is None:
        return False
    return now - timedelta(seconds=2 * endpoint.schedule_seconds) <= seen <= now + AHEAD


def why_not_judged(endpoint: Endpoint, now: datetime) -> str:
    """Why our last look at it is no evidence; "" if it is."""
    if is_judged(endpoint, now):
        return ""
    if endpoint.last_tried_at is None:
        return _("never asked")
    if endpoint.outcome == Endpoint.Outcome.HANDSHAKE_FAILED:
        return (
            _("its last answer brought no certificate") if endpoint.last_seen_at else _("it never sent a certificate")
        )
    if endpoint.outcome == Endpoint.Outcome.SERVED:
        is_ahead = endpoint.last_seen_at is not None and endpoint.last_seen_at > now + AHEAD
        return _("asked while the clock was ahead") if is_ahead else _("not asked again in time")
    return _("no answer") if endpoint.last_seen_at else _("it never answered")


def with_listed(certificates: QuerySet[Certificate]) -> QuerySet[Certificate]:
    """Certificates with all that a row shows."""
    risks = Prefetch("risks", Risk.objects.order_by("-severity", "code"))
    return certificates.select_related("issuer", "owner_team").prefetch_related(risks)
