"""Earlier and later certificates of the same names, drawn on one line of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from inventory.models import Certificate
from inventory.snapshot.rows import CertificateRow, certificate_row

MOST_SHOWN = 6
WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """One certificate of the line: where its life begins and how long it is, of ``WIDTH``."""

    row: CertificateRow
    start: int
    length: int
    is_this: bool


@dataclass(frozen=True, slots=True)
class Lineage:
    spans: Sequence[Span]
    today: int
    total: int


def lineage(certificate: Certificate, user: User, now: datetime) -> Lineage | None:
    """None if there is no other certificate of the same names, or their lives cannot be read."""
    if not certificate.names_sha256:
        return None
    family = family_of(certificate, user)
    total = family.count()
    rows = sorted(family.order_by("-not_before", "-pk")[:MOST_SHOWN], key=lambda row: (_begin(row), row.pk))
    if total < 2 or len(rows) < 2:
        return None
    if certificate.not_after and certificate.pk not in {row.pk for row in rows}:
        rows[0] = certificate
    return Lineage(*_drawn(rows, certificate, now), total=total)


def family_of(certificate: Certificate, user: User) -> QuerySet[Certificate]:
    """Certificates of the same names whose lives can be read, itself among them; none of what has no names."""
    family = Certificate.objects.visible_to(user).exclude(names_sha256="")
    return family.filter(names_sha256=certificate.names_sha256, not_before__isnull=False, not_after__isnull=False)


def _drawn(rows: Sequence[Certificate], certificate: Certificate, now: datetime) -> tuple[list[Span], int]:
    begin = min(now.timestamp(), *(_begin(row) for row in rows))
    end = max(now.timestamp(), *(_end(row) for row in rows))

    def at(moment: float) -> int:
        return round(WIDTH * (moment - begin) / max(end - begin, 1))

    spans = [
        Span(
            row=certificate_row(row, now, with_risks=False),
            start=at(_begin(row)),
            length=max(4, at(_end(row)) - at(_begin(row))),
            is_this=row.pk == certificate.pk,
        )
        for row in rows
    ]
    return spans, at(now.timestamp())


def _begin(row: Certificate) -> float:
    return row.not_before.timestamp() if row.not_before else 0.0


def _end(row: Certificate) -> float:
    return row.not_after.timestamp() if row.not_after else _begin(row)
