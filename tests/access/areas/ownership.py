"""Things without an owner and questions about owners: addresses, what people send to them, what addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from tests.access.answers import CHANGE_SEEN, Route

ROUTES: dict[str, Route] = {
    # In the walk every certificate is served: retiring it is refused with a reason, as a form is.
    "inventory:certificate_retire": Route(
        post={owner: line.replace("done", "422") for owner, line in CHANGE_SEEN.items()}, thing="certificate"
    ),
    "inventory:certificate_restore": Route(post=CHANGE_SEEN, thing="certificate"),
}
SENT: dict[str, Mapping[str, Any]] = {
    "inventory:certificate_retire": {"reason": "asked by the walk"},
    "inventory:certificate_restore": {"reason": "asked by the walk"},
}


def payload(route: str, _things: Mapping[str, int], _team: Team | None, _own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    return SENT.get(route, {})


def things(
    _word: str, _team: Team | None, _author: User | None, _now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    return {}
