"""The rules in their order, and the owners of sources and networks, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Team
from inventory.models import OwnershipRule
from inventory.models.endpoints import IMPORTED
from inventory.ownership import Fallbacks, Place, Rule, RuleBook, Said, found_by
from inventory.ownership.rules import APPLICATION, CRITICALITY, ENVIRONMENT, TEAM
from inventory.services.sightings import SeenBy

CONDITIONS = (
    "name_pattern",
    "network",
    "issuer_pattern",
    "tag",
    "source_pattern",
    "custom_field",
    "custom_value",
)
_GIVEN = ("team_id", "environment", "criticality", "application")
# Names of sources and their teams, and the networks of teams.
Owners: TypeAlias = tuple[Mapping[str, int], Iterable[Place]]


def current_book() -> RuleBook:
    """All rules that are switched on, in their order: while none changes, each batch of a long work has the same."""
    rows = OwnershipRule.objects.filter(enabled=True).values_list("pk", "name", *CONDITIONS, *_GIVEN)
    return _book(tuple(rows))


@lru_cache(maxsize=1)
def _book(rows: tuple[tuple[Any, ...], ...]) -> RuleBook:
    columns = ("pk", "name", *CONDITIONS, *_GIVEN)
    return RuleBook([as_rule(OwnershipRule(**dict(zip(columns, row, strict=True)))) for row in rows])


def as_rule(row: OwnershipRule, key: int | None = None) -> Rule:
    """The row as a value; ``key`` for one that is not kept yet."""
    gives: dict[str, Any] = {
        TEAM: row.team_id,
        ENVIRONMENT: row.environment,
        CRITICALITY: row.criticality,
        APPLICATION: row.application,
    }
    conditions = {name: getattr(row, name) for name in CONDITIONS}
    return Rule(key or row.pk, row.name, **conditions, gives={name: value for name, value in gives.items() if value})


def current_fallbacks(team: Team | None = None, by: SeenBy | None = None) -> Fallbacks:
    """Whose something is that no rule speaks of. ``team``: the one whose source, or whose import, finds it now."""
    if team is not None:
        return Fallbacks(Said(team.pk, None, _shown_by(by) if by else ""))
    owners: Callable[[], Owners] = import_string(settings.OWNERS_OF_PLACES)
    return Fallbacks.of(*owners())


def _shown_by(by: SeenBy) -> str:
    return f"Imported for this team: “{by.name}”." if by.kind == IMPORTED else found_by(by.name)
