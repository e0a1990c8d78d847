"""Whom and what the rows of a table name: teams and people that exist and that the importing person may name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.models import Membership, Team, User
from accounts.services import audit, open_accounts
from inventory.models import Import, ImportItem


@dataclass(frozen=True, slots=True)
class Names:
    """The teams and people that some rows name, by what they are called there (lower case)."""

    teams: Mapping[str, Team]
    allowed: frozenset[int] | None
    people: Mapping[str, User]
    teams_of: Mapping[int, tuple[int, ...]]

    @classmethod
    def of(cls, items: Iterable[ImportItem], actor: User) -> Names:
        said = [item.data for item in items]
        teams = _teams({str(data["team"]).lower() for data in said if data.get("team")})
        people = _people({str(data["owner"]) for data in said if data.get("owner")}, actor)
        allowed = None if actor.is_administrator else frozenset(actor.memberships.values_list("team_id", flat=True))
        members = Membership.objects.filter(user__in=people.values()).values_list("user_id", "team_id")
        teams_of: dict[int, tuple[int, ...]] = {}
        for user, team in members:
            teams_of[user] = (*teams_of.get(user, ()), team)
        return cls(teams, allowed, people, teams_of)

    def team_of(self, item: ImportItem) -> Team | None:
        team = self.teams.get(str(item.data.get("team", "")).lower())
        return team if team and (self.allowed is None or team.pk in self.allowed) else None

    def person_of(self, item: ImportItem) -> User | None:
        return self.people.get(str(item.data.get("owner", "")))

    def refusal(self, item: ImportItem, *, may_create: bool) -> str:
        """Why the row cannot be taken as it is. That a team of others exists is not told."""
        name = item.data.get("team", "")
        if not name or may_create or self.team_of(item):
            return ""
        if self.allowed is None:
            return _("There is no team “%(team)s”. Create it first, or tick that it shall be created.") % {"team": name}
        return _("“%(team)s” is none of your teams. Write one of yours, or ask an administrator.") % {"team": name}


def _teams(names: set[str]) -> Mapping[str, Team]:
    if not names:
        return {}
    rows = Team.objects.alias(low=Lower("name")).filter(Q(low__in=names) | Q(slug__in=names)).order_by("pk")
    by_slug = {row.slug.lower(): row for row in rows}
    return by_slug | {row.name.lower(): row for row in rows}


def _people(addresses: set[str], actor: User) -> dict[str, User]:
    """Whom the person may name: everybody for administrators, else colleagues and themselves."""
    if not addresses:
        return {}
    people = open_accounts(Now()).alias(low=Lower("email")).filter(low__in=addresses)
    if not actor.sees_everything:
        people = people.filter(Q(memberships__team__in=actor.memberships.values("team")) | Q(pk=actor.pk)).distinct()
    return {row.email.lower(): row for row in people}


def may_create_teams(of: Import, actor: User) -> bool:
    return actor.is_administrator and of.columns.get("create_teams") == "yes"


def create_teams(of: Import, items: Iterable[ImportItem], actor: User, now: datetime) -> None:
    """Make the teams that rows name and nobody made yet, if an administrator ticked so."""
    wanted = {str(item.data["team"]).lower(): str(item.data["team"]) for item in items if item.data.get("team")}
    if not may_create_teams(of, actor):
        return
    for name in sorted(wanted.keys() - _teams(set(wanted)).keys()):
        team = Team.objects.create(name=wanted[name], slug=_free_slug(wanted[name]))
        audit(actor, "team.created", team, after={"name": team.name, "import": of.pk}, now=now)


def _free_slug(name: str) -> str:
    slug = slugify(name)[:90] or "team"
    taken = set(Team.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    return next(each for each in (slug, *(f"{slug}-{n}" for n in range(2, 1000))) if each not in taken)
