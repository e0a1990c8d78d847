"""For whose eyes a mail is, and the lists that its numbers are counted by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Role, Team, User
from inventory import filters
from inventory.filters import Filtered
from inventory.models import Certificate, Endpoint

Row = TypeVar("Row", Certificate, Endpoint)


class UnreadableError(ValueError):
    """A list does not understand what was asked of it, so that its 0 would be no answer."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Who reads, and of which teams they are told; no teams means all that the person sees."""

    user: User
    teams: tuple[Team, ...]
    now: datetime

    @classmethod
    def of_person(cls, user: User, now: datetime) -> Scope:
        """Administrators are told of everything, all others of what is their teams'."""
        return cls(user, () if user.is_administrator else tuple(user.teams.order_by("slug")), now)

    @classmethod
    def of_teams(cls, teams: Sequence[Team], now: datetime) -> Scope:
        """Of an address without an account: nobody's account that sees everything, narrowed to the teams."""
        if not teams:
            raise UnreadableError("an address without a team is told nothing")
        return cls(User(role=Role.AUDITOR, is_active=True), tuple(teams), now)

    @property
    def is_person(self) -> bool:
        return self.user.pk is not None

    @property
    def is_everything(self) -> bool:
        return not self.teams

    def certificates(self, **asked: str) -> tuple[Filtered[Certificate], str]:
        query = self.query(**asked)
        return _understood(filters.certificates(query, self.user, self.now)), _at("inventory:certificate_list", query)

    def endpoints(self, **asked: str) -> tuple[Filtered[Endpoint], str]:
        query = self.query(**asked)
        return _understood(filters.endpoints(query, self.user, self.now)), _at("inventory:endpoint_list", query)

    def nodes(self) -> QuerySet[Endpoint]:
        """The endpoints that may be named."""
        seen = Endpoint.objects.visible_to(self.user)
        return seen if self.is_person else seen.filter(owner_team__in=self.teams)

    def query(self, **asked: str) -> str:
        teams = [] if "team" in asked else [("team", team.slug) for team in self.teams]
        return urlencode([*asked.items(), *teams])


def _understood(found: Filtered[Row]) -> Filtered[Row]:
    if found.errors:
        raise UnreadableError("; ".join(filters.error_sentences(found.errors)))
    return found


def _at(name: str, query: str) -> str:
    return f"{reverse(name)}?{query}" if query else reverse(name)
