"""The one filter of findings: page, counts and links use it alike.

As with every other list, a parameter that is not understood is an error, and the answer is empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, Value
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from certdash.lib.inert import visible as shown
from inventory.filters.base import MOST_COUNTED, few_of, read_query
from inventory.filters.base import Count as Tally
from inventory.filters.business import NOBODY
from inventory.filters.facets import MOST_OPTIONS, Facet, Option, toggled
from inventory.filters.fields import Choice, Choices, MomentFilter, Texts, shortened
from inventory.filters.standing import known_teams
from inventory.models import Severity
from inventory.models.among import among
from policy.models import Finding, FindingQuerySet
from policy.rules import CATALOGUE

STATES = [("open", _("Open")), ("closed", _("Closed")), ("any", _("Any"))]
SEVERITIES = [(str(severity.value), severity.label) for severity in reversed(Severity) if severity]
RULES = [(rule.code, rule.title) for rule in CATALOGUE.values()]
# What a link to the list may say beside its conditions: the place in it.
CONTROLS = ("after", "view")
ME = "me"
# No database has a larger number.
LARGEST = 2**63
OWNER = Coalesce("certificate__owner_team__slug", "endpoint__owner_team__slug", Value(NOBODY))


class NotAFilter(forms.Field):
    """A parameter that the list does not know: leaving it out in silence would answer another question."""

    def clean(self, _value: Any) -> Any:
        raise ValidationError(gettext("no such filter"))


class FindingForm(forms.Form):
    """Reads the parameters strictly, for one person: who may not see a team cannot learn that it exists."""

    user: User

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.asked = data
        for name in data:
            if name not in self.fields and name not in CONTROLS:
                self.fields[name] = NotAFilter(label=shown(shortened(name)))

    def clean_team(self) -> list[str]:
        slugs: list[str] = self.cleaned_data["team"]
        known = known_teams(self.user, slugs)
        if missing := [slug for slug in slugs if slug not in known]:
            raise ValidationError(gettext("“%(value)s” is not known") % {"value": shown(shortened(missing[0]))})
        return slugs

    def clean_assigned(self) -> list[str]:
        """People whom nobody here may know of are not known, whoever they are."""
        words: list[str] = self.cleaned_data["assigned"]
        known = {ME, NOBODY, *(str(pk) for pk in _known_people(self.user, [int(w) for w in words if w.isdecimal()]))}
        if missing := [word for word in words if word not in known]:
            raise ValidationError(gettext("“%(value)s” is not known") % {"value": shown(shortened(missing[0]))})
        return words

    def clean(self) -> dict[str, Any]:
        for name in ("state", "opened_after", "closed_after"):
            if len(self.asked.getlist(name)) > 1:
                self.add_error(name, gettext("given more than once"))
        return self.cleaned_data


def _known_people(user: User, pks: Iterable[int]) -> list[int]:
    people = User.objects.filter(pk__in=[pk for pk in pks if pk < LARGEST])
    if not user.sees_everything:
        colleagues = User.objects.filter(memberships__team__in=user.memberships.values("team")).values("pk")
        people = people.filter(Q(pk__in=colleagues) | Q(pk=user.pk))
    return list(people.values_list("pk", flat=True))


class FindingFilter(django_filters.FilterSet):
    """Parameters: state (open by default), severity, rule, team (slug or "none"), opened_after, closed_after.

    ``assigned`` is "me", "none" or the number of a person.
    """

    state = Choice(label=_("State"), choices=STATES, method="of_state")
    severity = Choices(label=_("Severity"), choices=SEVERITIES, lookup_expr="in")
    rule = Choices(label=_("Rule"), choices=RULES, lookup_expr="in")
    team = Texts(label=_("Owner"), method="of_teams")
    assigned = Texts(label=_("Assigned to"), method="of_people")
    opened_after = MomentFilter(field_name="opened_at", lookup_expr="gte", label=_("Found from"))
    closed_after = MomentFilter(field_name="closed_at", lookup_expr="gte", label=_("Closed from"))

    class Meta:
        model = Finding
        fields: list[str] = []
        form = FindingForm

    def __init__(self, data: Any = None, queryset: Any = None, **kwargs: Any) -> None:
        asked = read_query(data or {})
        asked.setdefault("state", "open")
        super().__init__(asked, queryset, **kwargs)

    @property
    def form(self) -> FindingForm:
        form: FindingForm = super().form
        form.user = self.request.user
        return form

    def of_state(self, queryset: FindingQuerySet, _name: str, words: Sequence[str]) -> FindingQuerySet:
        if "closed" in words:
            # Said in this way, the index of what is closed is found.
            return queryset.filter(closed_at__isnull=False)
        return queryset if "any" in words else queryset.open()

    def of_teams(self, queryset: FindingQuerySet, _name: str, slugs: Sequence[str]) -> FindingQuerySet:
        return queryset.of_teams([slug for slug in slugs if slug != NOBODY], unowned=NOBODY in slugs)

    def of_people(self, queryset: FindingQuerySet, _name: str, words: Sequence[str]) -> FindingQuerySet:
        people = [self.request.user.pk if word == ME else int(word) for word in words if word != NOBODY]
        chosen = Q(assigned_to__in=people)
        return queryset.filter(chosen | Q(assigned_to=None) if NOBODY in words else chosen)


def in_state(chosen: FindingFilter, visible: FindingQuerySet) -> FindingQuerySet:
    """What the state alone allows."""
    return chosen.of_state(visible, "state", chosen.data.getlist("state"))


def settled(found: FindingQuerySet) -> tuple[FindingQuerySet, Tally]:
    """The same findings, and how many: few are looked for once, and not again by page, facets and each count."""
    few = few_of(found.order_by().values_list("pk", flat=True))
    if few is None:
        return found, Tally(MOST_COUNTED, exact=False)
    return Finding.objects.filter(among("pk", few)), Tally(len(few))


def facets(chosen: FindingFilter, found: FindingQuerySet, count: Tally) -> list[Facet]:
    """What each severity, rule and owner would leave among what the state allows: ``found``, so many.

    One query, bounded: over ``MOST_COUNTED`` findings nothing is counted, for a part would mislead.
    """
    asked = read_query(chosen.request.GET)
    is_counted = count.exact
    severities, owners, rules = Counter[str](), Counter[str](), Counter[str]()
    rows = found.order_by().values_list("severity", OWNER, "rule").annotate(number=Count("pk")) if is_counted else ()
    for severity, owner, rule, number in rows:
        severities[str(severity)] += number
        owners[owner] += number
        rules[rule] += number
    words = [(code, str(label).capitalize()) for code, label in SEVERITIES]
    return [
        _facet(gettext("Severity"), "severity", words, severities if is_counted else None, asked),
        _facet(gettext("Owner"), "team", _owners(chosen, owners), owners if is_counted else None, asked),
        _facet(gettext("Rule"), "rule", RULES, rules if is_counted else None, asked),
    ]


def _owners(chosen: FindingFilter, counts: Counter[str]) -> list[tuple[str, str]]:
    """The owners of most findings, and those that are chosen."""
    asked = dict.fromkeys(_understood(chosen, "team"))
    frequent = [slug for slug, _count in counts.most_common() if slug not in asked]
    listed = [*asked, *frequent][: max(MOST_OPTIONS, len(asked))]
    known = known_teams(chosen.request.user, listed)
    return [(slug, gettext("Nobody") if slug == NOBODY else known[slug].label) for slug in listed if slug in known]


def _understood(chosen: FindingFilter, name: str) -> list[str]:
    """The values of a parameter; none if they were refused."""
    chosen.form.is_valid()
    return list(chosen.form.cleaned_data.get(name, ()))


def _facet(
    title: str, param: str, choices: Iterable[tuple[str, Any]], counts: Mapping[str, int] | None, asked: QueryDict
) -> Facet:
    """One facet; an answer that would leave nothing is not offered."""
    chosen = asked.getlist(param)
    options = [
        Option(
            value=value,
            words=str(label),
            count=None if counts is None else counts.get(value, 0),
            chosen=value in chosen,
            query=toggled(asked, param, value),
        )
        for value, label in choices
        if counts is None or counts.get(value) or value in chosen
    ]
    return Facet(param, title, tuple(options))
