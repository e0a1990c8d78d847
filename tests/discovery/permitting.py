"""Networks that may be probed in a test, and the team that owns what is found there."""

from __future__ import annotations

from typing import Any

from accounts.models import Team
from discovery.models import Network
from discovery.services import save_network


def house() -> Team:
    return Team.objects.get_or_create(slug="house", defaults={"name": "House"})[0]


def permit(text: str, **columns: Any) -> Network:
    return save_network(text, **{"owner_team": house(), **columns})
