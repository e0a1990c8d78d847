"""Schedules: kept by people for themselves, run by the clock with the rights of the person they are made for."""

from __future__ import annotations

import logging
from calendar import monthrange
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import Organisation, SavedView, User
from accounts.services import audit, still_here
from certdash.lib.zones import zone_of
from reports.models import Schedule
from reports.services.freezing import scope_of
from reports.services.making import request_report

logger = logging.getLogger(__name__)

_COLUMNS = ("name", "kind", "filter", "view_name", "every", "day", "hour", "enabled")
Every = Schedule.Every


def next_run(every: str, day: int, hour: int, zone: tzinfo, after: datetime) -> datetime:
    """The first moment after ``after`` at that hour on such a day. A month without that day has it on its last."""
    local = after.astimezone(zone).date()
    for ahead in range(63):
        candidate = local + timedelta(days=ahead)
        # By the calendar, also where a clock is put forward over this hour.
        moment = datetime.combine(candidate, time(hour), zone)
        if _is_such_a_day(every, day, candidate) and moment.timestamp() > after.timestamp():
            return moment
    raise ValueError(f"No day {day} of a {every} comes within two months.")


def _is_such_a_day(every: str, day: int, candidate: date) -> bool:
    if every == Every.WEEK:
        return candidate.isoweekday() == day
    return every == Every.DAY or candidate.day == min(day, monthrange(candidate.year, candidate.month)[1])


def organisation_zone() -> tzinfo:
    organisation = Organisation.objects.filter(pk=1).first()
    return zone_of(organisation.timezone if organisation else None)


def schedule_query(schedule: Schedule) -> str:
    """The filter that the report will have. Raises ValueError if what was chosen is no longer there for its person."""
    query = schedule.filter
    if schedule.view_name:
        view = (
            SavedView.objects.visible_to(schedule.person).filter(pk=schedule.view_id or 0, page="certificates").first()
        )
        if view is None:
            raise ValueError(_("The saved view “%(name)s” is no longer there.") % {"name": schedule.view_name})
        query = view.query
    if schedule.team is None:
        return query
    asked = QueryDict(query, mutable=True)
    asked["team"] = schedule.team.slug
    return asked.urlencode()


def why_stopped(schedule: Schedule, now: datetime) -> str:
    """Why nothing is made with this person's eyes; empty if something is."""
    person = schedule.person
    if still_here(person.pk, now) is None:
        return _("The account of %(email)s is closed, so nobody's view can be taken.") % {"email": person.email}
    if schedule.team and not person.memberships.filter(team=schedule.team).exists():
        return _("%(email)s is no longer in the team %(team)s.") % {"email": person.email, "team": schedule.team}
    return ""


@transaction.atomic
def save_schedule(schedule: Schedule, *, actor: User | None, now: datetime) -> bool:
    """Add or change a schedule; its next run is reckoned anew. False if nothing of it differs.

    Raises PermissionDenied, or ValueError with a sentence if it could make no report. ``actor`` None is somebody at
    the command line.
    """
    stood = Schedule.objects.select_for_update(of=("self",)).select_related("team", "person").filter(pk=schedule.pk)
    before = next((_described(row) for row in stood), {})
    for person in {schedule.person_id, *(row.person_id for row in stood)}:
        if actor is not None and not actor.is_administrator and person != actor.pk:
            raise PermissionDenied(_("You keep your own schedules alone."))
    schedule.view_name = schedule.view.name if schedule.view else ""
    # One that rests may belong to somebody who left, so that what is dumped can be made elsewhere.
    if schedule.enabled and (reason := why_stopped(schedule, now)):
        raise ValueError(reason)
    scope_of(schedule.person, schedule_query(schedule), now)
    after = _described(schedule)
    if before == after and not schedule.problem:
        return False
    if not before:
        schedule.created_at = now
    schedule.problem = ""
    schedule.next_run_at = _next(schedule, now) if schedule.enabled else None
    schedule.save()
    audit(actor, "schedule.changed" if before else "schedule.created", schedule, before, after, now=now)
    return True


@transaction.atomic
def delete_schedule(schedule: Schedule, *, actor: User | None, now: datetime) -> None:
    """Make it no more. The reports that were made stay."""
    if actor is not None and not actor.is_administrator and schedule.person_id != actor.pk:
        raise PermissionDenied(_("You keep your own schedules alone."))
    before, pk = _described(schedule), schedule.pk
    schedule.delete()
    schedule.pk = pk
    audit(actor, "schedule.deleted", schedule, before, now=now)


def make_due(now: datetime) -> int:
    """Ask for all reports that are due; return how many. Days that were missed are made up for once."""
    due = Schedule.objects.filter(enabled=True, next_run_at__lte=now).order_by("next_run_at", "pk")
    return sum(make_run(schedule, now) for schedule in due.select_related("person", "team")[:100])


@transaction.atomic
def make_run(schedule: Schedule, now: datetime) -> bool:
    """Claim the run and ask for its report, together: whoever is second finds another next run."""
    row = Schedule.objects.filter(pk=schedule.pk, enabled=True, next_run_at=schedule.next_run_at)
    if not row.update(next_run_at=_next(schedule, now), last_run_at=now):
        return False
    if reason := why_stopped(schedule, now):
        row = Schedule.objects.filter(pk=schedule.pk)
        row.update(next_run_at=None, problem=reason)
        audit(None, "schedule.stopped", schedule, {}, {"problem": reason}, now=now)
        return False
    try:
        with transaction.atomic():
            query = schedule_query(schedule)
            report = request_report(schedule.person, query, now, title=schedule.name, team=schedule.team)
    except ValueError as error:
        # Perhaps another time: too much today, or a team that comes back.
        Schedule.objects.filter(pk=schedule.pk).update(problem=str(error)[:500])
        logger.warning("schedule %s made no report: %s", schedule.pk, error)
        return False
    Schedule.objects.filter(pk=schedule.pk).update(last_report=report, problem="")
    return True


def _next(schedule: Schedule, now: datetime) -> datetime:
    return next_run(schedule.every, schedule.day, schedule.hour, organisation_zone(), now)


def _described(row: Schedule) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in _COLUMNS}
    return told | {"for": row.person.email, "team": row.team.name if row.team else ""}
