"""Schedules of reports: people keep their own, administrators all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from reports.models import Schedule
from tests.access.answers import OF_ALL, SIGNED_IN, Route, each

# Olga made that of team Web, Sam that of team Payments, an administrator the one that is nobody's.
OWN = each(
    web="                       sign-in  404    200      404      404     200",
    payments="                  sign-in  404    404      200      404     200",
    nobody="                    sign-in  404    404      404      404     200",
)
CHANGE_OWN = {owner: answers.replace("200", "done") for owner, answers in OWN.items()}

ROUTES: dict[str, Route] = {
    "reports:schedule_new": Route(SIGNED_IN, OF_ALL),
    "reports:schedule_edit": Route(OWN, CHANGE_OWN, "schedule"),
    "reports:schedule_delete": Route(post=CHANGE_OWN, thing="schedule"),
}


def payload(route: str, things: Mapping[str, int], team: Team | None, own: Team) -> Mapping[str, Any]:
    if route == "reports:schedule_delete":
        return {}
    author = {"web": "olga", "payments": "sam"}.get(team.slug if team else "", "ada")
    person = User.objects.get(email=f"{author}@example.org")
    return {
        "name": "walked", "view": "", "filter": "", "every": "week", "day": "2", "hour": "7", "team": "",
        "person": str(person.pk), "enabled": "on",
    }  # fmt: skip


def things(
    word: str, team: Team | None, author: User | None, now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    person = author or User.objects.get(email="ada@example.org")
    row = Schedule.objects.create(name=f"{word} schedule", person=person, team=team, created_at=now, next_run_at=now)
    return {"schedule": row.pk}
