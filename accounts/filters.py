"""Which audit events are shown: one filter for the page and the export."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEvent
from accounts.models.audit import verb_words


def verbs() -> list[tuple[str, str]]:
    found = AuditEvent.objects.order_by("verb").values_list("verb", flat=True).distinct()
    return sorted(((verb, verb_words(verb)) for verb in found), key=itemgetter(1))


class AuditEventFilter(django_filters.FilterSet):
    verb = django_filters.ChoiceFilter(label=_("What"), choices=verbs, empty_label=_("Everything"))
    actor = django_filters.CharFilter(label=_("Who"), field_name="actor_email", lookup_expr="icontains")
    subject = django_filters.CharFilter(label=_("To what"), method="about")
    since = django_filters.DateFilter(
        label=_("From"), field_name="at", lookup_expr="date__gte", widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        label=_("To"), field_name="at", lookup_expr="date__lte", widget=forms.DateInput(attrs={"type": "date"})
    )

    class Meta:
        model = AuditEvent
        fields = ["verb", "actor", "subject", "since", "until"]

    def about(self, queryset: QuerySet[AuditEvent], _name: str, value: str) -> QuerySet[AuditEvent]:
        """Match the subject's words, or exactly one subject as ``type:id``."""
        kind, separator, key = value.partition(":")
        exact = Q(subject_type=kind, subject_id=key) if separator else Q()
        return queryset.filter(Q(subject__icontains=value) | exact if separator else Q(subject__icontains=value))


def audit_events(parameters: Any) -> AuditEventFilter:
    return AuditEventFilter(parameters, queryset=AuditEvent.objects.all())
