"""Conditions on what both owned tables have: owner, tags, severity, where we know them from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team, User
from inventory.filters.base import Named, Person
from inventory.filters.business import NOBODY, BusinessFilter
from inventory.filters.fields import Choices, Texts
from inventory.models import Severity, Sighting, Tag
from inventory.models.endpoints import sources_of

SEVERITIES = {severity.name.lower(): severity for severity in reversed(Severity)}
SEVERITY_CHOICES = [(word, capfirst(severity.label)) for word, severity in SEVERITIES.items()]


def known_teams(user: Person, slugs: Iterable[str]) -> dict[str, Named]:
    """Those of these teams of whose estate the person sees something, and "nobody".

    Another team is called not known rather than without certificates. Viewers must not learn here that it exists;
    operators may know its name, to hand over to it.
    """
    teams = Team.objects.filter(slug__in=list(slugs))
    if isinstance(user, User) and not user.sees_everything:
        teams = teams.filter(pk__in=user.memberships.values("team"))
    return {NOBODY: Named(None, _("no owner")), **{team.slug: Named(team.pk, team.name) for team in teams}}


class StandingFilter(BusinessFilter):
    """Parameters that certificates and endpoints share."""

    team = Texts(label=gettext_lazy("Owner"), method="of_teams")
    tag = Texts(label=gettext_lazy("Tag"), method="with_tag")
    source = Texts(label=gettext_lazy("Source"), method="from_source")
    severity = Choices(label=gettext_lazy("Worst finding"), method="of_severity", choices=SEVERITY_CHOICES)

    def known_team(self, slugs: Sequence[str]) -> dict[str, Named]:
        return known_teams(self.user, slugs)

    def of_teams(self, queryset: QuerySet[Any], _name: str, slugs: Sequence[str]) -> QuerySet[Any]:
        teams = [self.known["team"][slug].pk for slug in slugs]
        mine = Q(owner_team__in=[pk for pk in teams if pk is not None])
        return queryset.filter(mine | Q(owner_team=None) if None in teams else mine)

    def known_tag(self, names: Sequence[str]) -> dict[str, Named]:
        """Only tags of what the person may see: any other would tell that it exists."""
        tags = Tag.objects.filter(name__in=names)
        if isinstance(self.user, User) and not self.user.sees_everything:
            tags = tags.filter(**{f"{self.sighted_as}s__in": self.queryset.order_by()}).distinct()
        return {tag.name: Named(tag.pk, tag.name) for tag in tags}

    def with_tag(self, queryset: QuerySet[Any], _name: str, names: Sequence[str]) -> QuerySet[Any]:
        tagged = queryset.model.tags.through.objects.filter(tag__in=[self.known["tag"][name].pk for name in names])
        return queryset.filter(pk__in=tagged.values(self.sighted_as))

    def known_source(self, names: Sequence[str]) -> dict[str, Named]:
        """Those that the person may know of: a name that finds something would tell that there is such a source."""
        if not isinstance(self.user, User) or self.user.sees_everything:
            return {name: Named(None, name) for name in names}
        told = Sighting.objects.visible_to(self.user).filter(source_name__in=names).order_by()
        known = {*sources_of(self.user).filter(name__in=names), *told.values_list("source_name", flat=True).distinct()}
        return {name: Named(None, name) for name in known}

    def from_source(self, queryset: QuerySet[Any], _name: str, names: Sequence[str]) -> QuerySet[Any]:
        sightings = Sighting.objects.visible_to(self.user).filter(
            source_name__in=names, **{f"{self.sighted_as}__isnull": False}
        )
        return queryset.filter(pk__in=sightings.values(self.sighted_as))

    def of_severity(self, queryset: QuerySet[Any], _name: str, words: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(worst_severity__in=[SEVERITIES[word] for word in words])
