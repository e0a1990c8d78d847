"""For whose eyes a mail is, and the lists that its numbers are counted by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Role, Team, User
from inventory import filters
from inventory.filters import MOST_VALUES, Filtered
from inventory.models import Certificate, Endpoint

Row = TypeVar("Row", Certificate, Endpoint)
Paths = tuple[str, ...]


class UnreadableError(ValueError):
    """A list does not understand what was asked of it, so that its 0 would be no answer."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Who reads, and of which teams they are told: of no team is nothing, unless it ``is_everything``."""

    user: User
    teams: tuple[Team, ...]
    now: datetime
    is_everything: bool = False

    @classmethod
    def of_person(cls, user: User, now: datetime) -> Scope:
        """Administrators are told of everything, all others of what is their teams'."""
        if user.is_administrator:
            return cls(user, (), now, is_everything=True)
        return cls(user, tuple(user.teams.order_by("slug")), now)

    @classmethod
    def of_teams(cls, teams: Sequence[Team], now: datetime) -> Scope:
        """Of an address without an account: nobody's account that sees everything, narrowed to the teams."""
        return cls(User(role=Role.AUDITOR, is_active=True), tuple(teams), now)

    @property
    def is_person(self) -> bool:
        return self.user.pk is not None

    def certificates(self, **asked: str) -> tuple[Filtered[Certificate], Paths]:
        found = _understood(filters.certificates(urlencode(asked), self.user, self.now))
        return self._narrowed(found, asked), self._paths("inventory:certificate_list", asked)

    def endpoints(self, **asked: str) -> tuple[Filtered[Endpoint], Paths]:
        found = _understood(filters.endpoints(urlencode(asked), self.user, self.now))
        return self._narrowed(found, asked), self._paths("inventory:endpoint_list", asked)

    def nodes(self) -> QuerySet[Endpoint]:
        """The endpoints that may be named."""
        seen = Endpoint.objects.visible_to(self.user)
        return seen if self.is_person else seen.filter(owner_team__in=self.teams)

    def _narrowed(self, found: Filtered[Row], asked: Mapping[str, str]) -> Filtered[Row]:
        """By keys, of which there may be any number. What is asked of a team, as of none, is not narrowed by others."""
        if self.is_everything or (self.teams and "team" in asked):
            return found
        mine = found.queryset.filter(owner_team__in=[team.pk for team in self.teams])
        return replace(found, queryset=mine, is_plain=False)

    def _paths(self, name: str, asked: Mapping[str, str]) -> Paths:
        """The lists that show the same: several if there are more teams than a list takes at once."""
        by_team = not self.is_everything and "team" not in asked
        slugs = [("team", team.slug) for team in self.teams] if by_team else []
        parts = [slugs[at : at + MOST_VALUES] for at in range(0, len(slugs), MOST_VALUES)] or [[]]
        return tuple(_at(name, urlencode([*asked.items(), *part])) for part in parts)


def _understood(found: Filtered[Row]) -> Filtered[Row]:
    if found.errors:
        raise UnreadableError("; ".join(filters.error_sentences(found.errors)))
    return found


def _at(name: str, query: str) -> str:
    return f"{reverse(name)}?{query}" if query else reverse(name)
