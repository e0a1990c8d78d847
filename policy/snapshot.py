"""What the panels of a certificate and of an endpoint say: its findings, and what of it nobody could judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from accounts.models import User
from inventory.models import Certificate, Endpoint
from inventory.models.standing import LATE, late_q
from policy.models import Finding, FindingQuerySet, Unjudged, UnjudgedQuerySet, rule_of

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Gap:
    """Rules that could not be judged for one reason; ``endpoints`` is 0 if they are about the certificate itself."""

    titles: tuple[str, ...]
    reason: str
    endpoints: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands in a panel. ``due_since`` is set if judging is long overdue; nothing is asked of an authority.

    ``waiting`` and ``hidden`` count endpoints that serve a certificate: not judged in time, and those of other teams.
    """

    subject: str
    findings: Sequence[Finding]
    gaps: Sequence[Gap]
    judged_at: datetime | None
    due_since: datetime | None
    is_of_certificate: bool = False
    is_asked: bool = True
    waiting: int = 0
    hidden: int = 0

    @property
    def first_gaps(self) -> Sequence[Gap]:
        return self.gaps[:SHOWN]

    @property
    def more_gaps(self) -> int:
        return max(len(self.gaps) - SHOWN, 0)

    @property
    def is_whole(self) -> bool:
        """Whether every rule was judged in time, on every endpoint that the person sees."""
        return bool(self.judged_at) and self.is_asked and not (self.gaps or self.due_since or self.waiting)


def panel_of_certificate(certificate: Certificate, user: User, now: datetime) -> Panel:
    """Of the certificate and of the endpoints that serve it, as far as the person sees them."""
    serving = Endpoint.objects.alive().serving(certificate)
    seen = serving.visible_to(user).aggregate(all=Count("pk"), waiting=Count("pk", filter=late_q(now)))
    return Panel(
        subject=certificate.name,
        findings=_findings(Finding.objects.about_certificate(certificate).visible_to(user)),
        gaps=_gaps(Unjudged.objects.about_certificate(certificate).visible_to(user)),
        judged_at=certificate.judged_at,
        due_since=_due_since(certificate, now),
        is_of_certificate=True,
        is_asked=certificate.kind == Certificate.Kind.LEAF,
        waiting=seen["waiting"],
        hidden=serving.count() - seen["all"],
    )


def panel_of_endpoint(endpoint: Endpoint, user: User, now: datetime) -> Panel:
    return Panel(
        subject=endpoint.place,
        findings=_findings(Finding.objects.visible_to(user).filter(endpoint=endpoint)),
        gaps=_gaps(Unjudged.objects.visible_to(user).filter(endpoint=endpoint)),
        judged_at=endpoint.judged_at,
        due_since=_due_since(endpoint, now),
    )


def _findings(found: FindingQuerySet) -> list[Finding]:
    return list(found.with_subject().order_by("closed_at", "-severity", "opened_at", "pk")[:SHOWN])


def _gaps(found: UnjudgedQuerySet) -> list[Gap]:
    """One line per reason: what is silent cannot be asked anything, and that is one thing to read, not seven."""
    about = found.order_by().annotate(of_endpoint=Q(endpoint__isnull=False))
    titles: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for reason, of_endpoint, rule in about.values_list("reason", "of_endpoint", "rule").distinct():
        titles[reason, of_endpoint].update(rule_of(code).title for code in Unjudged.codes(rule))
    counted = about.values_list("reason", "of_endpoint").annotate(Count("endpoint", distinct=True), Min("since"))
    gaps = [
        Gap(tuple(sorted(titles[reason, of_endpoint])), reason, endpoints, since)
        for reason, of_endpoint, endpoints, since in counted
    ]
    return sorted(gaps, key=lambda gap: (gap.endpoints, gap.since, gap.reason))


def _due_since(row: Certificate | Endpoint, now: datetime) -> datetime | None:
    return row.judge_at if row.judge_at and row.judge_at < now - LATE else None
