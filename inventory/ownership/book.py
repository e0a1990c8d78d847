"""All rules at once: the same answers as asking one after the other, for thousands of rows.

Each rule is one bit, the first one the lowest. For each kind of fact, a value has a mask of the rules whose condition
it meets; rules that do not ask this kind are met by anything. What all masks have in common are the rules that fit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import Any

from inventory.ownership.patterns import fits, name_pattern
from inventory.ownership.rules import (
    ADDRESSES,
    CUSTOM,
    FIELDS,
    ISSUERS,
    NAMES,
    SOURCES,
    TAGS,
    Facts,
    Rule,
    Said,
    bounds_of,
)

# Issuers, sources and tags are few and come again and again, and names some times in a row: all are forgotten beyond.
REMEMBERED_AT_MOST = 10_000


class RuleBook:
    """The rules in their order. Making it costs as much as asking all of them once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = [rule for rule in rules if rule.conditions]
        self._kinds = [(kind, self._ask(kind)) for kind in _VALUES if any(kind in rule.asks for rule in self.rules)]
        self._gives = [(name, self._mask(name in rule.gives for rule in self.rules)) for name in FIELDS]
        self._remembered: dict[tuple[str, object], int] = {}

    def __bool__(self) -> bool:
        return bool(self.rules)

    @cached_property
    def asks(self) -> frozenset[str]:
        """The kinds of facts that some rule asks."""
        return frozenset(kind for kind, _ask in self._kinds)

    def decide(self, facts: Facts) -> dict[str, Said]:
        """As ``rules.decide``."""
        fitting = (1 << len(self.rules)) - 1
        for kind, (others, ask) in self._kinds:
            fitting &= others | reduce(or_, (self._met(kind, value, ask) for value in _VALUES[kind](facts)), 0)
            if not fitting:
                return {}
        return {name: self._said(name, fitting & gives) for name, gives in self._gives if fitting & gives}

    def _said(self, name: str, mask: int) -> Said:
        rule = self.rules[(mask & -mask).bit_length() - 1]
        return Said(rule.gives[name], rule.key, rule.reason)

    def _met(self, kind: str, value: Any, ask: Callable[[Any], int]) -> int:
        known = self._remembered.get((kind, value))
        if known is None:
            known = ask(value)
            if len(self._remembered) >= REMEMBERED_AT_MOST:
                self._remembered.clear()
            self._remembered[kind, value] = known
        return known

    def _ask(self, kind: str) -> tuple[int, Callable[[Any], int]]:
        """The mask of the rules that do not ask this kind, and what answers for one value of it."""
        asking = [(1 << at, rule) for at, rule in enumerate(self.rules) if kind in rule.asks]
        others = self._mask(kind not in rule.asks for rule in self.rules)
        return others, _INDEXES.get(kind, _one_by_one(kind))(asking)

    @staticmethod
    def _mask(holds: Iterable[bool]) -> int:
        return sum(1 << at for at, one in enumerate(holds) if one)


_VALUES: dict[str, Callable[[Facts], Iterable[Any]]] = {
    NAMES: lambda facts: facts.names,
    ADDRESSES: lambda facts: (address for _zone, address in facts.addresses),
    ISSUERS: lambda facts: facts.issuers,
    TAGS: lambda facts: facts.tags,
    SOURCES: lambda facts: facts.sources,
    CUSTOM: lambda facts: facts.custom.items(),
}
_ALONE: dict[str, Callable[[Any], Facts]] = {
    ISSUERS: lambda value: Facts(issuers=(str(value),)),
    TAGS: lambda value: Facts(tags=(str(value),)),
    SOURCES: lambda value: Facts(sources=(str(value),)),
    CUSTOM: lambda value: Facts(custom=dict([value])),
}
Asking = Sequence[tuple[int, Rule]]


def _one_by_one(kind: str) -> Callable[[Asking], Callable[[Any], int]]:
    def index(asking: Asking) -> Callable[[Any], int]:
        conditions = [(bit, one) for bit, rule in asking for one in rule.conditions if one.of == kind]

        def ask(value: Any) -> int:
            facts = _ALONE[kind](value)
            return sum(bit for bit, condition in conditions if condition.holds(facts))

        return ask

    return index


def _names(asking: Asking) -> Callable[[Any], int]:
    """Whole names and ``*.suffix``, which nearly all patterns are, are looked up; only the others are tried."""
    whole: dict[str, int] = defaultdict(int)
    below: dict[str, int] = defaultdict(int)
    others: list[tuple[int, str]] = []
    for bit, rule in asking:
        pattern = name_pattern(rule.name_pattern)
        stars = pattern.count("*")
        if not stars:
            whole[pattern] |= bit
        elif stars == 1 and pattern.startswith("*."):
            below[pattern[1:]] |= bit
        else:
            others.append((bit, pattern))

    def ask(value: Any) -> int:
        name = str(value)
        mask = whole.get(name, 0) | sum(bit for bit, pattern in others if fits(pattern, name))
        at = name.find(".")
        while at >= 0:
            mask |= below.get(name[at:], 0)
            at = name.find(".", at + 1)
        return mask

    return ask


def _addresses(asking: Asking) -> Callable[[Any], int]:
    """Addresses in their order, cut where a network begins or ends."""
    changes: dict[int, int] = defaultdict(int)
    for bit, rule in asking:
        try:
            first, last = bounds_of(rule.network)
        except ValueError:
            continue
        changes[int.from_bytes(first)] ^= bit
        changes[int.from_bytes(last) + 1] ^= bit
    cuts, masks, mask = sorted(changes), [0], 0
    for cut in cuts:
        mask ^= changes[cut]
        masks.append(mask)

    def ask(value: Any) -> int:
        return masks[bisect_right(cuts, int.from_bytes(value))]

    return ask


_INDEXES: dict[str, Callable[[Asking], Callable[[Any], int]]] = {NAMES: _names, ADDRESSES: _addresses}
