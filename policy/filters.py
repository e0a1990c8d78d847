"""The one filter of findings: page, counts and links use it alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import django_filters
from django.db.models import Count, F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from inventory.filters.fields import MomentFilter
from inventory.models import Severity
from policy.models import Finding, FindingQuerySet
from policy.rules import CATALOGUE


def _severities() -> list[tuple[int, str]]:
    return [(severity.value, str(severity.label).capitalize()) for severity in reversed(Severity) if severity]


def _rules() -> list[tuple[str, str]]:
    return [(rule.code, rule.title) for rule in CATALOGUE.values()]


def _teams() -> list[tuple[str, str]]:
    return [("none", str(_("Nobody"))), *Team.objects.values_list("slug", "name")]


class FindingFilter(django_filters.FilterSet):
    """Parameters: state (open by default), severity, rule, team (slug or "none"), opened_after, closed_after."""

    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[("open", _("Open")), ("closed", _("Closed")), ("any", _("Any"))],
        method="of_state",
        empty_label=None,
    )
    severity = django_filters.MultipleChoiceFilter(label=_("Severity"), choices=_severities)
    rule = django_filters.MultipleChoiceFilter(label=_("Rule"), choices=_rules)
    team = django_filters.MultipleChoiceFilter(label=_("Owner"), choices=_teams, method="of_teams")
    opened_after = MomentFilter(field_name="opened_at", lookup_expr="gte", label=_("Found from"))
    closed_after = MomentFilter(field_name="closed_at", lookup_expr="gte", label=_("Closed from"))

    class Meta:
        model = Finding
        fields: list[str] = []

    def of_state(self, queryset: FindingQuerySet, _name: str, value: str) -> FindingQuerySet:
        if value == "closed":
            return queryset.exclude(closed_at=None)
        return queryset if value == "any" else queryset.open()

    def of_teams(self, queryset: FindingQuerySet, _name: str, value: list[str]) -> FindingQuerySet:
        return queryset.of_teams([slug for slug in value if slug != "none"], unowned="none" in value)


def facets(chosen: FindingFilter, visible: FindingQuerySet) -> list[dict[str, Any]]:
    """What each severity, rule and owner would leave, counted in one query each among what the state allows."""
    data = chosen.data
    state = data.get("state", "open")
    found = chosen.of_state(visible, "state", state)
    return [
        _facet(str(_("Severity")), "severity", _severities(), _counts(found, F("severity")), data),
        _facet(str(_("Owner")), "team", _teams(), _counts(found, OWNER), data),
        _facet(str(_("Rule")), "rule", _rules(), _counts(found, F("rule")), data),
    ]


OWNER = Coalesce("certificate__owner_team__slug", "endpoint__owner_team__slug", Value("none"))


def _counts(found: FindingQuerySet, value: Combinable) -> dict[str, int]:
    rows = found.order_by().annotate(facet=value).values_list("facet").annotate(Count("pk"))
    return {str(key): count for key, count in rows}


def _facet(
    title: str, key: str, choices: Sequence[tuple[Any, str]], counts: Mapping[str, int], data: Any
) -> dict[str, Any]:
    chosen = data.getlist(key)
    values = [
        {"value": str(value), "label": label, "count": counts.get(str(value), 0), "active": str(value) in chosen}
        for value, label in choices
        if counts.get(str(value)) or str(value) in chosen
    ]
    return {"title": title, "key": key, "values": values}
