"""What would change if the rules were applied now: looked at, not written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Team, User
from inventory.models import Certificate, OwnershipRule
from inventory.ownership import Rule, RuleBook
from inventory.services import totals
from inventory.services.owned import CERTIFICATES, ENDPOINTS, Owned
from inventory.services.rules.applying import Asked, Change
from inventory.services.rules.candidates import FOUND_AT_MOST, candidates, given_by, spread
from inventory.services.rules.reading import as_rule, current_fallbacks
from inventory.services.rules.standing import Stand, differences
from inventory.services.writing import among

# More than this is not looked at while a person waits; the preview says so.
LOOKED_AT_MOST = 1000
LISTED_AT_MOST = 50
# The key of a rule that is not kept yet.
TYPED = -1
_KEPT = {
    CERTIFICATES.noun: (totals.CERTIFICATES, str(Certificate.Kind.LEAF)),
    ENDPOINTS.noun: (totals.ENDPOINTS, "total"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row that would change. ``changes`` are field, before and after."""

    row: Any
    changes: Sequence[tuple[str, str, str]]
    reason: str


@dataclass(frozen=True, slots=True)
class Side:
    """Certificates, or endpoints: how many would change of those that were looked at, and the first of them.

    ``candidates`` is how many the rule may fit, up to 10,001; None if any row of the estate may be one, and
    ``is_sample`` then says that rows at even distances stand for all: ``population`` of them, 0 if nobody counted.
    """

    changing: int
    looked_at: int
    candidates: int | None
    is_sample: bool
    lines: Sequence[Line]
    population: int = 0

    @property
    def percent(self) -> int:
        return round(100 * self.changing / self.looked_at) if self.looked_at else 0

    @property
    def is_more(self) -> bool:
        return self.candidates is not None and self.candidates >= FOUND_AT_MOST


@dataclass(frozen=True, slots=True)
class Preview:
    certificates: Side
    endpoints: Side

    @property
    def changing(self) -> int:
        return self.certificates.changing + self.endpoints.changing


def preview_rules(typed: OwnershipRule | None, user: User) -> Preview:
    """What all rules would change, or what one would, as it is typed (kept or not), asked at its place in the order.

    Only what the person sees is looked at. The number of queries does not depend on the estate.
    """
    rows = list(OwnershipRule.objects.filter(enabled=True))
    if typed is None:
        return _preview(Asked(RuleBook([as_rule(row) for row in rows]), current_fallbacks()), None, (), user)
    stored = next((as_rule(row) for row in rows if row.pk == typed.pk), None)
    rule = as_rule(typed, key=typed.pk or TYPED)
    rules = [rule if row.pk == typed.pk else as_rule(row) for row in rows]
    if stored is None:
        rules = _inserted(rows, rules, typed, rule)
    rules = [one for one in rules if one.key != rule.key or typed.enabled]
    about = [one for one in (rule if typed.enabled else None, stored) if one]
    return _preview(Asked(RuleBook(rules), current_fallbacks()), rule.key, about, user)


def _inserted(rows: Sequence[OwnershipRule], rules: list[Rule], typed: OwnershipRule, rule: Rule) -> list[Rule]:
    """A new rule speaks last; one that is switched on again speaks at its place."""
    at = sum(row.position < typed.position for row in rows) if typed.pk else len(rows)
    return [*rules[:at], rule, *rules[at:]]


def _preview(asked: Asked, key: int | None, about: Collection[Rule], user: User) -> Preview:
    teams = dict(Team.objects.values_list("pk", "name"))
    sides = [_side(owned, asked, key, about, teams, user) for owned in (CERTIFICATES, ENDPOINTS)]
    return Preview(*sides)


def _side(
    owned: Owned, asked: Asked, key: int | None, about: Collection[Rule], teams: Mapping[int, str], user: User
) -> Side:
    pks = candidates(owned, about) if key is not None else None
    if pks is not None:
        pks = list(dict.fromkeys([*(given_by(owned, key) if key and key > 0 else []), *pks]))[:FOUND_AT_MOST]
    chosen, is_whole = (
        (pks[:LOOKED_AT_MOST], len(pks) <= LOOKED_AT_MOST) if pks is not None else spread(owned, LOOKED_AT_MOST)
    )
    rows = _rows(owned, asked, chosen, user)
    changes = [change for change in asked.about(owned, rows) if _is_about(change, key)]
    lines = [line for change in changes if (line := _line(change, teams)).changes]
    found = None if pks is None else len(pks)
    return Side(len(lines), len(rows), found, not is_whole, lines[:LISTED_AT_MOST], _population(owned, user))


def _population(owned: Owned, user: User) -> int:
    """How many there are, as it is kept."""
    dimension, value = _KEPT[owned.noun]
    return totals.numbers(user, dimension)[dimension].get(value, 0)


def _rows(owned: Owned, asked: Asked, pks: Sequence[int], user: User) -> list[Any]:
    visible: Any = owned.model.objects.visible_to(user)
    rows = visible.filter(among("pk", pks), retired_at=None)
    rows = rows.leaves() if owned is CERTIFICATES else rows
    also = ("name", "names_count") if owned is CERTIFICATES else ()
    return list(rows.only(*asked.columns(owned), *also).order_by("pk"))


def _is_about(change: Change, key: int | None) -> bool:
    return change.before != change.after and (
        key is None or key in _rules_of(change.before) or key in _rules_of(change.after)
    )


def _rules_of(stand: Stand) -> set[int | None]:
    return {stand.rule, *stand.ruled.values()}


def _line(change: Change, teams: Mapping[int, str]) -> Line:
    changes = list(differences(change.before, change.after, teams))
    return Line(change.row, changes, change.after.reason if change.after.is_open else "")
