"""Which rules are broken: by how many findings, how badly, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, IntegerField, Max, Min, QuerySet, Subquery

from accounts.models import User
from inventory import filters
from inventory.models import Certificate, Endpoint, Severity
from policy.models import Finding, FindingQuerySet
from policy.rules import CATALOGUE
from reports.snapshot.scope import Scope


class Broken(NamedTuple):
    """All open findings of one rule. They are counted as far as the list behind them counts."""

    rule: str
    number: filters.Count
    worst: int
    oldest: datetime


class CountOf(Subquery):
    """How many rows another query finds: with its limit, it reads no more than that."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"


def broken_rules(scope: Scope) -> list[Broken]:
    everything = scope.user.sees_everything and not scope.mine
    return _of_estate(scope.user) if everything else _of_owners(scope)


def _of_estate(user: User) -> list[Broken]:
    """Nothing here reads all findings: each count stops at its limit, and each oldest is the first of its index."""
    counts = _asked(user, {code: CountOf(_some(code), output_field=IntegerField()) for code in CATALOGUE})
    codes = [code for code, count in counts.items() if count]
    firsts = {f"{code} {level}": Subquery(_first(code, level)) for code in codes for level in Severity.values}
    oldest = _asked(user, firsts) if firsts else {}
    found = []
    for code in codes:
        levels = {level: at for level in Severity.values if (at := oldest[f"{code} {level}"]) is not None}
        if levels:  # what was closed between the two questions is open no more
            found.append(Broken(code, _bounded(counts[code]), max(levels), min(levels.values())))
    return found


def _asked(user: User, questions: Mapping[str, Subquery]) -> dict[str, Any]:
    """The answers to many questions in one query: its only row is the one of whoever asks."""
    names = {f"asked_{at}": question for at, question in enumerate(questions.values())}
    row = User.objects.filter(pk=user.pk).annotate(**names).values_list(*names).get()
    return dict(zip(questions, row, strict=True))


def _some(code: str) -> QuerySet[Finding, Any]:
    return _open(code).values("pk")[: filters.MOST_COUNTED + 1]


def _first(code: str, level: int) -> QuerySet[Finding, Any]:
    return _open(code).filter(severity=level).order_by("opened_at").values("opened_at")[:1]


def _open(code: str) -> FindingQuerySet:
    return Finding.objects.open().filter(rule=code).order_by()


def _of_owners(scope: Scope) -> list[Broken]:
    """Those about certificates and those about endpoints are read apart, each in the index of what they are about."""
    certificates = Certificate.objects.visible_to(scope.user).order_by()
    endpoints = Endpoint.objects.visible_to(scope.user).order_by()
    if scope.mine:
        certificates = certificates.filter(owner_team__in=scope.own)
        endpoints = endpoints.filter(owner_team__in=scope.own)
    return _merged([*_grouped("certificate", certificates.values("pk")), *_grouped("endpoint", endpoints.values("pk"))])


def _grouped(about: str, seen: Any) -> Iterable[tuple[str, int, int, datetime]]:
    found = Finding.objects.open().filter(**{f"{about}__in": seen}).order_by()
    return found.values_list("rule").annotate(Count("pk"), Max("severity"), Min("opened_at"))


def _merged(rows: Iterable[tuple[str, int, int, datetime]]) -> list[Broken]:
    found: dict[str, tuple[int, int, datetime]] = {}
    for rule, count, worst, oldest in rows:
        other = found.get(rule, (0, worst, oldest))
        found[rule] = (count + other[0], max(worst, other[1]), min(oldest, other[2]))
    return [Broken(rule, _bounded(count), worst, oldest) for rule, (count, worst, oldest) in found.items()]


def _bounded(count: int) -> filters.Count:
    return filters.Count(min(count, filters.MOST_COUNTED), count <= filters.MOST_COUNTED)
