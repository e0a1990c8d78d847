"""Importing files: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from tests.access.answers import Route

ROUTES: dict[str, Route] = {}


def payload(_route: str, _things: Mapping[str, int], _team: Team | None, _own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    return {}


def things(
    _word: str, _team: Team | None, _author: User | None, _now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    return {}
