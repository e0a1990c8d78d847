"""What somebody needs in order to recognise a certificate, and nothing else; the questions that were asked of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from inventory.models import Certificate, CertificateName, Endpoint, OwnerQuestion

NAMES, SERVICES, QUESTIONS = 20, 10, 20


@dataclass(frozen=True, slots=True)
class Recognised:
    """Names of the certificate, and of services that serve it: where a service has no name, it is not told."""

    names: Sequence[str]
    more_names: int
    services: Sequence[str]


def recognised_by(certificate: Certificate, asker: User | None) -> Recognised:
    """``asker``: whoever asks tells only of services that they see themselves."""
    rows = CertificateName.objects.filter(certificate=certificate).values_list("value", flat=True)
    names = list(rows.order_by("position")[:NAMES])
    serving = Endpoint.objects.none() if asker is None else Endpoint.objects.visible_to(asker).alive()
    named = serving.serving(certificate).exclude(server_name="").order_by("server_name", "port")
    services = named.values_list("server_name", "port").distinct()[:SERVICES]
    return Recognised(
        names=names or [certificate.name],
        more_names=max(0, certificate.names_count - NAMES),
        services=[f"{name}:{port}" for name, port in services],
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as the page of a certificate tells it."""

    question: OwnerQuestion
    state: str
    is_open: bool


def questions_about(certificate: Certificate, now: datetime) -> list[Asked]:
    """The latest first."""
    rows = OwnerQuestion.objects.filter(certificate=certificate).select_related("team", "asked_by")
    return [Asked(row, _state(row, now), row.is_open(now)) for row in rows.order_by("-asked_at", "-pk")[:QUESTIONS]]


def _state(question: OwnerQuestion, now: datetime) -> str:
    if question.answered_at:
        return question.answer
    if question.withdrawn_at:
        return "withdrawn"
    return "open" if question.is_open(now) else "expired"
