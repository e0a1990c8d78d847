"""What a row says of its owner and details, and what it says after the rules were asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from inventory.models import Criticality, Environment, Origin, OwnershipRule
from inventory.ownership import Fallbacks, Said
from inventory.ownership.rules import APPLICATION, CRITICALITY, ENVIRONMENT, TEAM
from inventory.services.owned import OWNER_COLUMNS, owner_values, put_owner

COLUMNS = (ENVIRONMENT, CRITICALITY, APPLICATION)
WRITTEN = (*OWNER_COLUMNS, *COLUMNS, "ruled", "judge_at")
# In ``Standing.ruled``: a person said "nothing", and no rule fills it again.
NOTHING_ON_PURPOSE = 0


@dataclass(frozen=True, slots=True)
class Stand:
    """Whose a row is, why, and the details that rules may set. ``ruled``: column → primary key of the rule."""

    team: int | None
    person: int | None
    origin: str
    reason: str
    rule: int | None
    details: Mapping[str, str] = field(default_factory=dict)
    ruled: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Any) -> Stand:
        details = {name: getattr(row, name) for name in COLUMNS}
        team, person, origin, reason, rule = owner_values(row)
        return cls(team, person, origin, reason, rule, details, dict(row.ruled or {}))

    def put(self, row: Any) -> None:
        put_owner(row, self.owner)
        row.ruled = dict(self.ruled)
        for name, value in self.details.items():
            setattr(row, name, value)

    @property
    def is_open(self) -> bool:
        """Whether no person said whose it is. Where an earlier version kept no origin, a reason says that one did."""
        if self.origin in {Origin.RULE, Origin.INFERRED}:
            return True
        return not (self.origin or self.reason or self.team or self.person)

    def after(self, said: Mapping[str, Said], fallback: Said | None) -> Stand:
        """What follows: a person's word stays; then rules; then whose source or network it is; else nobody's."""
        owner = self._owner(said.get(TEAM), fallback)
        details, ruled = dict(self.details), dict(self.ruled)
        for name in COLUMNS:
            if self._is_free(name):
                one = said.get(name)
                details[name] = str(one.value) if one else ""
                ruled.pop(name, None)
                if one and one.rule:
                    ruled[name] = one.rule
        return Stand(*owner, details, ruled)

    def _owner(self, said: Said | None, fallback: Said | None) -> tuple[int | None, int | None, str, str, int | None]:
        if not self.is_open or (said is None and self.origin == Origin.INFERRED):
            return self.team, self.person, self.origin, self.reason, self.rule
        if said is not None:
            return int(said.value), None, Origin.RULE, said.reason, said.rule
        if fallback is not None:
            return int(fallback.value), None, Origin.INFERRED, fallback.reason[:300], None
        return None, None, "", "", None

    def _is_free(self, name: str) -> bool:
        """A rule may set what is empty, and what a rule set before."""
        return self.ruled[name] != NOTHING_ON_PURPOSE if name in self.ruled else not self.details[name]

    @property
    def owner(self) -> tuple[int | None, int | None, str, str, int | None]:
        return self.team, self.person, self.origin, self.reason, self.rule


def people_say(ruled: Mapping[str, int], wanted: Mapping[str, Any]) -> dict[str, int]:
    """What ``Standing.ruled`` becomes when a person writes these columns: no rule's word any more, nor ever again."""
    said = {name: value for name, value in wanted.items() if name in COLUMNS}
    kept = {name: rule for name, rule in ruled.items() if name not in said}
    return kept | {name: NOTHING_ON_PURPOSE for name, value in said.items() if not value}


def words_of(stand: Stand, teams: Mapping[int, str]) -> dict[str, str]:
    """What the audit log says of it."""
    owner = {"team": teams.get(stand.team or 0, ""), "origin": stand.origin, "reason": stand.reason}
    return owner | {name: value for name, value in stand.details.items() if value}


def differences(before: Stand, after: Stand, teams: Mapping[int, str]) -> Iterator[tuple[str, str, str]]:
    """What changes, as field, before and after; an owner by another reason alone is no difference to people."""
    if before.team != after.team:
        nobody = gettext("nobody")
        yield gettext("team"), teams.get(before.team or 0, nobody), teams.get(after.team or 0, nobody)
    for name in COLUMNS:
        if before.details[name] != after.details[name]:
            was, becomes = (_shown(name, stand.details[name]) for stand in (before, after))
            field: Any = OwnershipRule._meta.get_field(name)
            yield str(field.verbose_name), was, becomes


def _shown(name: str, value: str) -> str:
    words = {ENVIRONMENT: Environment, CRITICALITY: Criticality}.get(name)
    return str(words(value).label) if words and value in words.values else value


def fallback_of(fallbacks: Fallbacks, stand: Stand, said: Mapping[str, Said]) -> bool:
    """Whether somebody must be asked to stand in."""
    return bool(fallbacks) and TEAM not in said and stand.is_open and stand.origin != Origin.INFERRED
