"""Saved views and bulk changes: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from inventory.models import BulkChange
from tests.access.answers import CHANGE, CHANGERS, REPORTS, Route, each

# Changes of many belong to who asked for them; auditors look on.
CANCEL_CHANGE = each(
    web="                       sign-in  404    done     404      403     done",
    payments="                  sign-in  404    404      done     403     done",
    nobody="                    sign-in  404    404      404      403     done",
)
ROUTES: dict[str, Route] = {
    "inventory:certificate_change": Route(CHANGERS, CHANGE),
    "inventory:endpoint_change": Route(CHANGERS, CHANGE),
    "inventory:change_detail": Route(REPORTS, thing="bulk_change", fragment=True),
    "inventory:change_cancel": Route(post=CANCEL_CHANGE, thing="bulk_change"),
}
TAG_ALL = {"scope": "all", "query": "", "kind": "tags", "step": "go", "change-add": "walked", "change-remove": ""}


def payload(route: str, _things: Mapping[str, int], _team: Team | None, _own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    return TAG_ALL if route.endswith("_change") else {}


def things(
    word: str, _team: Team | None, author: User | None, now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    change = BulkChange.objects.create(
        subject="certificates",
        kind="tags",
        change={"add": [word], "remove": []},
        chosen=[1],
        reason=f"{word} reason",
        requested_by=author,
        created_at=now,
    )
    return {"bulk_change": change.pk}
