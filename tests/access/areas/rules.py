"""Ownership rules: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from inventory.models import OwnershipRule
from inventory.services import rule_words, version_of
from tests.access.answers import ADMINISTER, ADMINISTRATORS, READERS, Route

# Rules say of everybody what is whose: who sees everything reads them, administrators keep them.
ROUTES: dict[str, Route] = {
    "inventory:rule_list": Route(READERS),
    "inventory:rule_new": Route(ADMINISTRATORS, ADMINISTER),
    "inventory:rule_edit": Route(READERS, ADMINISTER, thing="rule"),
    "inventory:rule_move": Route(post=ADMINISTER, thing="rule"),
    "inventory:rule_delete": Route(post=ADMINISTER, thing="rule"),
    "inventory:rule_preview": Route(READERS),
    "inventory:rule_apply": Route(post=ADMINISTER),
}
RULE = {
    "name": "a new rule",
    "enabled": "on",
    "name_pattern": "*.example.org",
    "network": "",
    "issuer_pattern": "",
    "tag": "",
    "source_pattern": "",
    "custom_field": "",
    "custom_value": "",
    "environment": "test",
    "criticality": "",
    "application": "",
    "version": "",
}


def payload(route: str, things: Mapping[str, int], _team: Team | None, own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    if route == "inventory:rule_move":
        return {"to": "up"}
    if route == "inventory:rule_edit":
        row = OwnershipRule.objects.get(pk=things["rule"])
        return {**RULE, "name": "renamed", "team": str(own.pk), "version": version_of(rule_words(row))}
    return {**RULE, "team": str(own.pk)} if route == "inventory:rule_new" else {}


def things(
    word: str, team: Team | None, _author: User | None, _now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    # The first one cannot be moved up; it stands before those of the walk.
    OwnershipRule.objects.get_or_create(name="first", defaults={"position": 0, "enabled": False})
    position = OwnershipRule.objects.count() + 1
    row = OwnershipRule.objects.create(
        position=position, name=f"{word} rule", name_pattern=f"{word}.*", team=team, environment="test"
    )
    return {"rule": row.pk}
