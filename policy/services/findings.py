"""Keeping findings: from verdicts to rows with a life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from certdash.lib.inert import shorten, visible
from inventory.services.writing import insert, write
from policy.models import Finding
from policy.rules import CATALOGUE, Bad, Good, NotApplicable, NotJudged, Rule, Subject, Verdict
from policy.services.unjudged import keep_unjudged

LONGEST_SENTENCE = 500
WRITTEN = [
    "severity",
    "sentence",
    "evidence",
    "confirmed_at",
    "due_at",
    "acknowledged_at",
    "acknowledged_by_id",
    "closed_at",
    "closing",
    "reopened",
    "reopened_at",
]
COLUMNS = ["rule", "certificate_id", "endpoint_id", "opened_at", *WRITTEN]


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping a batch changed: the subjects (by primary key) whose open findings are not what they were."""

    opened: frozenset[tuple[int, str]]
    closed: frozenset[tuple[int, str]]

    @property
    def subjects(self) -> frozenset[int]:
        return frozenset(pk for pk, _ in self.opened | self.closed)


def keep(subject: Subject, verdicts: Mapping[int, Mapping[str, Verdict]], now: datetime) -> Kept:
    """Bring the findings of a batch of subjects, and what of them is not judged, in line with their verdicts.

    ``verdicts`` maps the primary key of the certificate or endpoint to rule code → verdict. Runs in the caller's
    transaction; the same verdicts again change nothing but ``confirmed_at``.
    """
    column = f"{subject}_id"
    found = Finding.objects.filter(**{f"{column}__in": list(verdicts)}).order_by("pk").select_for_update()
    rows = {(getattr(row, column), row.rule): row for row in found}
    new: list[Finding] = []
    opened: set[tuple[int, str]] = set()
    closed = {key for key, row in rows.items() if row.rule not in CATALOGUE and row.closed_at is None}
    touched = [rows[key] for key in closed]
    for gone in touched:
        _close(gone, Finding.Closing.RULE_OFF, now)
    for key, verdict in _each(verdicts):
        row = rows.get(key)
        was_open = row is not None and row.closed_at is None
        if row is None and isinstance(verdict, Bad):
            row = _born(CATALOGUE[key[1]], column, key[0], now)
            new.append(row)
        elif row is not None:
            touched.append(row)
        if row is None:
            continue
        _apply(row, verdict, now)
        if was_open != (row.closed_at is None):
            (closed if was_open else opened).add(key)
    # An untouched row is as it was; what is written below is only what verdicts speak of.
    # Should another judge have found the same thing at the same moment, one row is enough.
    insert(Finding, COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in new), or_ignore=True)
    write([row for row in touched if _is_worth_writing(row, now)], WRITTEN)
    keep_unjudged(subject, verdicts, now)
    return Kept(frozenset(opened), frozenset(closed))


def _each(verdicts: Mapping[int, Mapping[str, Verdict]]) -> Iterable[tuple[tuple[int, str], Verdict]]:
    for pk, by_rule in verdicts.items():
        for code, verdict in by_rule.items():
            yield (pk, code), verdict


def _born(rule: Rule, column: str, pk: int, now: datetime) -> Finding:
    return Finding(
        rule=rule.code, opened_at=now, confirmed_at=now, closed_at=now, severity=rule.severity, **{column: pk}
    )


def _apply(row: Finding, verdict: Verdict, now: datetime) -> None:
    match verdict:
        case Bad():
            _open(row, verdict, now)
        case Good():
            _close(row, Finding.Closing.OBSERVED, now)
        case NotApplicable(closing=closing):
            _close(row, Finding.Closing(closing), now)
        case NotJudged():
            # Not seen is not good: an open finding stays open, unconfirmed since its last look.
            pass


def _open(row: Finding, bad: Bad, now: datetime) -> None:
    rule = CATALOGUE[row.rule]
    if row.closed_at is not None:
        if row.pk is not None:
            row.reopened += 1
            row.reopened_at = now
        row.closed_at, row.closing = None, ""
        row.acknowledged_at, row.acknowledged_by = None, None
        row.due_at = now + timedelta(days=rule.due_days)
    row.severity = bad.severity or rule.severity
    # Both carry names that servers chose: of any length, and with characters that no database column takes.
    row.sentence = shorten(visible(bad.sentence), LONGEST_SENTENCE)
    row.evidence = {what: visible(value) for what, value in bad.evidence.items()}
    row.confirmed_at = now


def _close(row: Finding, closing: Finding.Closing, now: datetime) -> None:
    if row.closed_at is None:
        row.closed_at, row.closing = now, closing


def _is_worth_writing(row: Finding, now: datetime) -> bool:
    """Long-closed rows need no UPDATE each time their rule is found kept again."""
    return row.closed_at is None or row.closed_at == now


def acknowledge(finding: Finding, user: User, now: datetime) -> bool:
    """Note that somebody has taken it up. False if it was already acknowledged or has closed."""
    with transaction.atomic():
        taken = Finding.objects.filter(pk=finding.pk, closed_at=None, acknowledged_at=None).update(
            acknowledged_at=now, acknowledged_by=user
        )
        if taken:
            audit(user, "finding.acknowledged", finding, {}, {"rule": finding.rule}, now=now)
    return taken == 1
