"""The one filter of findings: page, counts and links use it alike."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from inventory.models import Severity
from policy.models import Finding, FindingQuerySet
from policy.rules import CATALOGUE


def _severities() -> list[tuple[int, str]]:
    return [(severity.value, str(severity.label)) for severity in reversed(Severity) if severity]


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
    opened_after = django_filters.IsoDateTimeFilter(field_name="opened_at", lookup_expr="gte")
    closed_after = django_filters.IsoDateTimeFilter(field_name="closed_at", lookup_expr="gte")

    class Meta:
        model = Finding
        fields: list[str] = []

    def of_state(self, queryset: FindingQuerySet, _name: str, value: str) -> FindingQuerySet:
        if value == "closed":
            return queryset.exclude(closed_at=None)
        return queryset if value == "any" else queryset.open()

    def of_teams(self, queryset: FindingQuerySet, _name: str, value: list[str]) -> FindingQuerySet:
        return queryset.of_teams([slug for slug in value if slug != "none"], unowned="none" in value)
