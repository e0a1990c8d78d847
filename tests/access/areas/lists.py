"""Saved views and bulk changes: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import SavedView, Team, User
from inventory.models import BulkChange, ChangedRow, Stood
from tests.access.answers import CHANGE, CHANGERS, OF_ALL, REPORTS, SIGNED_IN, Route, each

# Changes of many belong to who asked for them; auditors look on.
CANCEL_CHANGE = each(
    web="                       sign-in  404    done     404      403     done",
    payments="                  sign-in  404    404      done     403     done",
    nobody="                    sign-in  404    404      404      403     done",
)
# Views of a team are opened by its members and kept by those of them who may change things; for the owner "nobody"
# stands a view for everyone. Those who see all certificates do not see what others ask for.
OPEN_VIEW = each(
    web="                       sign-in  done    done     404      404     404",
    payments="                  sign-in  404     404      done     404     404",
    nobody="                    sign-in  done    done     done     done    done",
)
EDIT_VIEW = each(
    web="                       sign-in  403     200      404      404     404",
    payments="                  sign-in  404     404      200      404     404",
    nobody="                    sign-in  403     403      403      403     200",
)
KEEP_VIEW = each(
    web="                       sign-in  403     done     404      404     404",
    payments="                  sign-in  404     404      done     404     404",
    nobody="                    sign-in  403     403      403      403     done",
)
ROUTES: dict[str, Route] = {
    "accounts:view_list": Route(SIGNED_IN, OF_ALL),
    "accounts:view_open": Route(OPEN_VIEW, thing="view"),
    "accounts:view_edit": Route(EDIT_VIEW, KEEP_VIEW, thing="view"),
    "accounts:view_replace": Route(post=KEEP_VIEW, thing="view"),
    "accounts:view_delete": Route(post=KEEP_VIEW, thing="view"),
    "policy:finding_export": Route(SIGNED_IN, thing="form"),
    "inventory:certificate_change": Route(CHANGERS, CHANGE),
    "inventory:endpoint_change": Route(CHANGERS, CHANGE),
    "inventory:change_detail": Route(REPORTS, thing="bulk_change", fragment=True),
    "inventory:change_take_back": Route(post=CANCEL_CHANGE, thing="owner_change"),
    "inventory:change_cancel": Route(post=CANCEL_CHANGE, thing="bulk_change"),
}
TAG_ALL = {"scope": "all", "query": "", "kind": "tags", "step": "go", "change-add": "walked", "change-remove": ""}


def payload(route: str, _things: Mapping[str, int], _team: Team | None, _own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    sent: dict[str, Mapping[str, Any]] = {
        "accounts:view_list": {"page": "certificates", "name": "walked", "query": "q=x", "audience": "private"},
        "accounts:view_edit": {"name": "walked", "is_default": "on"},
        "accounts:view_replace": {"query": "q=walked"},
        "inventory:certificate_change": TAG_ALL,
        "inventory:endpoint_change": TAG_ALL,
    }
    return sent.get(route, {})


def things(
    word: str, team: Team | None, author: User | None, now: datetime, _there: Mapping[str, int]
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
    view = SavedView.objects.create(
        page="certificates",
        name=f"{word} view",
        query="q=x",
        audience="team" if team else "everyone",
        team=team,
        created_at=now,
    )
    done = BulkChange.objects.create(
        subject="certificates",
        kind="owner",
        change={"team": None, "person": None},
        reason=f"{word} reason",
        status="done",
        changed=1,
        requested_by=author,
        created_at=now,
    )
    stood = Stood.objects.get_or_create(digest="0" * 64, defaults={"said": {}})[0]
    ChangedRow.objects.create(work=done, row=0, before=stood, after=stood)
    return {"bulk_change": change.pk, "owner_change": done.pk, "view": view.pk}
