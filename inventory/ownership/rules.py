"""Ownership rules: in which order they are asked, which of them fits, and what follows from it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from inventory.ownership.patterns import fits, name_pattern, text_pattern

TEAM, ENVIRONMENT, CRITICALITY, APPLICATION = FIELDS = ("team", "environment", "criticality", "application")
NAMES, ADDRESSES, ISSUERS, TAGS, SOURCES, CUSTOM = "names", "addresses", "issuers", "tags", "sources", "custom"
REASON_LENGTH = 300
_V4 = 0xFFFF << 32

Bounds: TypeAlias = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules are asked about: one certificate or one endpoint.

    ``names`` are host names as they are compared. ``addresses`` are packed and stand with the zone of their node.
    ``issuers`` are what its issuer is called: its label, and its whole distinguished name.
    """

    names: Collection[str] = ()
    addresses: Collection[tuple[str, bytes]] = ()
    issuers: Collection[str] = ()
    tags: Collection[str] = ()
    sources: Collection[str] = ()
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """Conditions, all of which must hold where they are given, and what they set. ``key`` tells rules apart."""

    key: int
    name: str
    name_pattern: str = ""
    network: str = ""
    issuer_pattern: str = ""
    tag: str = ""
    source_pattern: str = ""
    custom_field: str = ""
    custom_value: str = ""
    gives: Mapping[str, int | str] = field(default_factory=dict)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that are given, with their words."""
        return tuple(condition for make in _CONDITIONS if (condition := make(self)))

    @property
    def asks(self) -> frozenset[str]:
        """Which facts it needs."""
        return frozenset(condition.of for condition in self.conditions)

    def holds(self, facts: Facts) -> bool:
        """A rule without a condition describes nothing, and so fits nothing."""
        return bool(self.conditions) and all(condition.holds(facts) for condition in self.conditions)

    @cached_property
    def reason(self) -> str:
        words = ", and ".join(condition.words for condition in self.conditions)
        sentence = f"Rule “{self.name}”: {words}"
        return sentence if len(sentence) <= REASON_LENGTH else f"{sentence[: REASON_LENGTH - 1]}…"


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about the facts. ``words`` say that it holds."""

    of: str
    words: str
    holds: Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Said:
    """What one field becomes, by which rule (None: by whose source or network it is), and why."""

    value: int | str
    rule: int | None
    reason: str


def decide(rules: Sequence[Rule], facts: Facts) -> dict[str, Said]:
    """What follows: for each field, what the first rule says that fits and says something of it."""
    decided: dict[str, Said] = {}
    for rule in rules:
        wanted = [name for name in rule.gives if name not in decided]
        if wanted and rule.holds(facts):
            decided |= {name: Said(rule.gives[name], rule.key, rule.reason) for name in wanted}
            if len(decided) == len(FIELDS):
                break
    return decided


def bounds_of(network: str) -> Bounds:
    """The first and the last address of ``10.0.0.0/8``, ``2001:db8::/32`` or one address, packed.

    Raises ValueError if it is none, or if it has a bit behind its prefix: then nobody knows what was meant.
    """
    span = ipaddress.ip_network(network.strip())
    above = _V4 if span.version == 4 else 0
    first, last = int(span.network_address) + above, int(span.broadcast_address) + above
    return first.to_bytes(16), last.to_bytes(16)


def _by_name(rule: Rule) -> Condition | None:
    if not rule.name_pattern:
        return None
    pattern = name_pattern(rule.name_pattern)

    def holds(facts: Facts) -> bool:
        return any(fits(pattern, name) for name in facts.names)

    words = f"a name fits {rule.name_pattern}" if "*" in pattern else f"it is for {rule.name_pattern}"
    return Condition(NAMES, words, holds)


def _by_network(rule: Rule) -> Condition | None:
    if not rule.network:
        return None
    try:
        first, last = bounds_of(rule.network)
    except ValueError:
        # Refused where it is typed; what came in another way fits nothing instead of everything.
        return Condition(ADDRESSES, rule.network, lambda _facts: False)

    def holds(facts: Facts) -> bool:
        return any(first <= address <= last for _, address in facts.addresses)

    return Condition(ADDRESSES, f"it is served in {rule.network}", holds)


def _by_issuer(rule: Rule) -> Condition | None:
    if not rule.issuer_pattern:
        return None
    pattern = text_pattern(rule.issuer_pattern)

    def holds(facts: Facts) -> bool:
        return any(fits(pattern, name.casefold()) for name in facts.issuers)

    return Condition(ISSUERS, f"its issuer fits {rule.issuer_pattern}", holds)


def _by_tag(rule: Rule) -> Condition | None:
    if not rule.tag:
        return None
    tag = rule.tag.lower()
    return Condition(TAGS, f"it has the tag {tag}", lambda facts: tag in facts.tags)


def _by_source(rule: Rule) -> Condition | None:
    if not rule.source_pattern:
        return None
    pattern = text_pattern(rule.source_pattern)

    def holds(facts: Facts) -> bool:
        return any(fits(pattern, name.casefold()) for name in facts.sources)

    return Condition(SOURCES, f"the source “{rule.source_pattern}” saw it", holds)


def _by_custom_field(rule: Rule) -> Condition | None:
    if not rule.custom_field:
        return None
    key, pattern = rule.custom_field.casefold(), text_pattern(rule.custom_value)

    def holds(facts: Facts) -> bool:
        values = (str(value) for name, value in facts.custom.items() if name.casefold() == key)
        return any(fits(pattern, value.casefold()) if pattern else bool(value) for value in values)

    words = f"{rule.custom_field} is {rule.custom_value}" if pattern else f"it has the field {rule.custom_field}"
    return Condition(CUSTOM, words, holds)


_CONDITIONS = (_by_name, _by_network, _by_issuer, _by_tag, _by_source, _by_custom_field)
