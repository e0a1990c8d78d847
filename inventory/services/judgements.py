"""What policy concluded, kept beside the facts: risks, worst severity, and when to judge again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from inventory.models import Certificate, Endpoint, Risk, Severity
from inventory.models.standing import OwnedQuerySet
from inventory.services.writing import insert, write

COLUMNS = ["worst_severity", "open_findings", "judged_at", "judge_at"]
Judged = TypeVar("Judged", Certificate, Endpoint)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The open findings of one row as (rule, severity), and when time alone will change an answer.

    ``read_at`` is the ``judge_at`` that the judge saw: if facts changed since, the row stays due.
    """

    risks: tuple[tuple[str, int], ...]
    judge_at: datetime | None
    read_at: datetime | None

    @property
    def worst(self) -> int:
        return max((severity for _, severity in self.risks), default=Severity.NONE)


def keep_certificate_judgements(judgements: Mapping[int, Judgement], now: datetime) -> None:
    """Write the standing that follows from the judgements of certificates, in the caller's transaction."""
    rows = list(_locked(Certificate.objects.filter(pk__in=list(judgements))))
    for row in rows:
        _judge(row, judgements[row.pk], now)
    write(rows, COLUMNS)
    _keep_risks(judgements)


def keep_endpoint_judgements(judgements: Mapping[int, Judgement], now: datetime) -> None:
    """As above, of endpoints."""
    rows = list(_locked(Endpoint.objects.filter(pk__in=list(judgements))))
    for row in rows:
        _judge(row, judgements[row.pk], now)
    write(rows, COLUMNS)


def _locked(rows: OwnedQuerySet[Judged]) -> OwnedQuerySet[Judged]:
    """In the order of their keys, as recording locks them; no key changes, so others may refer to them meanwhile."""
    return rows.only(*COLUMNS).order_by("pk").select_for_update(no_key=True)


def _judge(row: Certificate | Endpoint, judgement: Judgement, now: datetime) -> None:
    row.worst_severity = judgement.worst
    row.open_findings = len(judgement.risks)
    row.judged_at = now
    if row.judge_at == judgement.read_at:
        row.judge_at = judgement.judge_at


def _keep_risks(judgements: Mapping[int, Judgement]) -> None:
    wanted = {
        (pk, code): severity
        for pk, judgement in judgements.items()
        for code, severity in sorted(judgement.risks, key=lambda risk: risk[1])
    }
    kept = {(row.certificate_id, row.code): row for row in Risk.objects.filter(certificate__in=list(judgements))}
    outdated = [row.pk for key, row in kept.items() if wanted.get(key) != row.severity]
    if outdated:
        Risk.objects.filter(pk__in=outdated).delete()
    rows = [
        (pk, code, severity)
        for (pk, code), severity in wanted.items()
        if (pk, code) not in kept or kept[pk, code].severity != severity
    ]
    insert(Risk, ("certificate_id", "code", "severity"), rows)
