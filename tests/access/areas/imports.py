"""Importing files: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from certdash.lib.work import WorkStatus
from inventory.models import Import, ImportItem
from tests.access.answers import CHANGE, CHANGERS, SOURCES, SOURCES_CHANGE, Route

# An import is its author's, and the administrators'.
ROUTES: dict[str, Route] = {
    "inventory:import_list": Route(CHANGERS, CHANGE),
    "inventory:import_detail": Route(SOURCES, thing="import"),
    "inventory:import_columns": Route(post=SOURCES_CHANGE, thing="import_to_map"),
    "inventory:import_again": Route(post=SOURCES_CHANGE, thing="import_to_choose"),
    "inventory:import_open": Route(post=SOURCES_CHANGE, thing="import"),
    "inventory:import_store": Route(post=SOURCES_CHANGE, thing="import"),
    "inventory:import_undo": Route(post=SOURCES_CHANGE, thing="import_stored"),
    "inventory:import_drop": Route(post=SOURCES_CHANGE, thing="import"),
    "discovery:import_waiting": Route(SOURCES, thing="import", fragment=True),
}
STEPS = {
    "import": Import.Step.PREVIEW,
    "import_to_map": Import.Step.MAPPING,
    "import_to_choose": Import.Step.PREVIEW,
    "import_stored": Import.Step.STORED,
}
# A table stays until somebody agreed.
UPLOADS = {Import.Step.PREVIEW: "walked.csv"}


def payload(route: str, _things: Mapping[str, int], _team: Team | None, own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    if route == "inventory:import_list":
        return {"pasted": "Host,Team\nwalked.example.org,Web\n", "password": "", "team": own.slug}
    if route == "inventory:import_open":
        return {"password": "walked"}
    return {"column-0": "host", "column-1": "team", "keep_as": ""} if route == "inventory:import_columns" else {}


def things(
    word: str, team: Team | None, author: User | None, now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    return {kind: _import(f"{word} {kind}.csv", step, team, author, now).pk for kind, step in STEPS.items()}


def _import(name: str, step: Import.Step, team: Team | None, author: User | None, now: datetime) -> Import:
    word = name.split()[0]
    of = Import.objects.create(
        name=name, step=step, status=WorkStatus.DONE, team=team, requested_by=author, created_at=now,
        form="spreadsheet", upload=UPLOADS.get(step, ""), columns={"host": f"{word} host"}, waiting=1,
        headings=[{"name": f"{word} {what}", "samples": [f"{word} sample"]} for what in ("host", "team")],
    )  # fmt: skip
    ImportItem.objects.create(
        of=of, position=0, offset=2, outcome=ImportItem.Outcome.WAITING, label=f"{word}.example.net",
        host=f"{word}.example.net", port=443, reason=f"{word} remark", data={"team": word},
    )  # fmt: skip
    return of
