"""Section of the configuration file: reports that are made by themselves."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from django.core.exceptions import ValidationError

from accounts.models import Role, SavedView, Team, User
from accounts.services.invited_members import closed_people, member, member_of, people_of
from certdash.lib.declare import (
    By,
    Change,
    Field,
    Key,
    MissingError,
    Node,
    Section,
    Table,
    Values,
    choice,
    flag,
    number,
    text,
)
from reports.forms import ScheduleForm
from reports.models import Report, Schedule
from reports.services import delete_schedule, save_schedule


def _for(node: Node, folder: Path) -> str:
    """An address, also by reference; or who is to be invited, as in a team."""
    if isinstance(node, Table) and "email" in node.items:
        return member(node, folder)
    return text(node, folder).strip().lower()


class ScheduleSection(Section):
    name = "report_schedules"
    words = "Reports that are made by themselves, each with the eyes of one person."
    key = ("name", "for")
    fields = (
        Field("name", text, "what it is called", is_required=True),
        Field("for", _for, "the e-mail address of the person whose rights it has", is_required=True),
        Field("kind", choice(Report.Kind.values), "which report", Report.Kind.INVENTORY.value),
        Field("filter", text, "the part after “?” of the list’s address; empty for all that the person may see"),
        Field("view", text, "instead of a filter, a saved view of certificates that the person may open"),
        Field("team", text, "then it covers what this team owns, and its members read it"),
        Field("every", choice(Schedule.Every.values), "how often", Schedule.Every.WEEK.value),
        Field("day", number, "of the week (1 is Monday) or of the month", 1),
        Field("hour", number, "of the day, in the organisation’s time zone", 6),
        Field("enabled", flag, "false: it rests", default=True),
    )

    def present(self) -> dict[Key, Values]:
        rows = Schedule.objects.select_related("person", "team", "view")
        closed = closed_people()
        told = [_told(row, closed) for row in rows]
        return {self.key_of(values): values for values in told}

    def settle(self, values: Values) -> Values:
        if values.get("every") == Schedule.Every.DAY:
            values.pop("day", None)
        return values

    def write(self, change: Change, by: By) -> None:
        values, row = change.values, _row_of(change)
        (person,) = people_of([values["for"]], by)
        team = Team.objects.filter(name=values["team"]).first()
        if values["team"] and team is None:
            raise MissingError("teams", values["team"], f"There is no team “{values['team']}”: add it under “teams”.")
        view = _view(values["view"], person)
        data = {**values, "person": person.pk, "team": team.pk if team else "", "view": view.pk if view else ""}
        form = ScheduleForm(data, instance=row or Schedule(person=person), user=User(role=Role.ADMINISTRATOR))
        if not form.is_valid():
            raise ValidationError(form.errors.as_data())
        schedule = form.save(commit=False)
        schedule.kind = values["kind"]
        save_schedule(schedule, actor=None, now=by.now)

    def remove(self, change: Change, by: By) -> None:
        if row := _row_of(change):
            delete_schedule(row, actor=None, now=by.now)


def _told(row: Schedule, closed: Collection[int]) -> Values:
    plain = ("name", "kind", "filter", "every", "day", "hour")
    return {name: getattr(row, name) for name in plain} | {
        # Who left has no report made, whatever the schedule says.
        "enabled": row.enabled and row.person_id not in closed,
        "for": row.person.email if row.person.memberships.exists() else member_of(row.person, closed),
        # What was chosen, also if it is gone: taken for a filter, nothing would be everything.
        "view": row.view_name,
        "team": row.team.name if row.team else "",
    }


def _row_of(change: Change) -> Schedule | None:
    name, email = change.key
    return Schedule.objects.select_related("person").filter(name=name, person__email=email).first()


def _view(name: str, person: User) -> SavedView | None:
    views = SavedView.objects.visible_to(person).filter(page=SavedView.Page.CERTIFICATES, name=name)
    view = views.order_by("-audience", "pk").first() if name else None
    if name and view is None:
        raise MissingError("saved_views", name, f"{person.email} has no saved view “{name}” of certificates.")
    return view


SECTIONS: tuple[Section, ...] = (ScheduleSection(),)
