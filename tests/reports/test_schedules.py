"""Reports that are made by themselves: at their hour, once, with the eyes of the person they are made for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AuditEvent, Membership, Organisation, SavedView, Team, User
from reports.models import Report, Schedule
from reports.services import delete_schedule, make_due, make_report, next_run, save_schedule, schedule_query
from reports.services.schedules import make_run
from tests.conftest import NOW
from tests.reports.estate import make_estate

ZURICH = ZoneInfo("Europe/Zurich")


def kept(person: User, **columns: Any) -> Schedule:
    schedule = Schedule(**{"name": "Weekly", "person": person, **columns})
    save_schedule(schedule, actor=person, now=NOW)
    return schedule


def later(schedule: Schedule) -> datetime:
    schedule.refresh_from_db()
    assert schedule.next_run_at
    return schedule.next_run_at + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("every", "day", "hour", "after", "expected"),
    [
        ("day", 1, 6, "2026-11-23T04:59+00:00", "2026-11-23T06:00+01:00"),
        ("day", 1, 6, "2026-11-23T05:00+00:00", "2026-11-24T06:00+01:00"),
        ("day", 1, 0, "2026-11-23T22:30+00:00", "2026-11-24T00:00+01:00"),
        ("week", 1, 6, "2026-11-23T05:30+00:00", "2026-11-30T06:00+01:00"),
        ("week", 7, 6, "2026-11-23T05:30+00:00", "2026-11-29T06:00+01:00"),
        ("month", 1, 6, "2026-11-23T05:30+00:00", "2026-12-01T06:00+01:00"),
        ("month", 31, 6, "2026-11-23T05:30+00:00", "2026-11-30T06:00+01:00"),
        ("month", 31, 6, "2027-02-01T05:30+00:00", "2027-02-28T06:00+01:00"),
        ("month", 30, 6, "2028-02-01T05:30+00:00", "2028-02-29T06:00+01:00"),
        # Clocks are put forward over 2:30 and back over it: once in both cases.
        ("day", 1, 2, "2027-03-28T00:30+00:00", "2027-03-28T03:00+02:00"),
        ("day", 1, 2, "2027-10-30T23:00+00:00", "2027-10-31T02:00+02:00"),
        ("day", 1, 2, "2027-10-31T00:00+00:00", "2027-11-01T02:00+01:00"),
    ],
)
def test_the_next_run_follows_the_calendar_of_the_organisation(
    every: str, day: int, hour: int, after: str, expected: str
) -> None:
    found = next_run(every, day, hour, ZURICH, datetime.fromisoformat(after))
    assert found.timestamp() == datetime.fromisoformat(expected).timestamp()


def test_every_run_comes_after_the_one_before() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for every, most in (("day", 2), ("week", 8), ("month", 32)):
        for _ in range(40):
            following = next_run(every, 31 if every == "month" else 3, 2, ZURICH, moment)
            assert timedelta() < following - moment <= timedelta(days=most)
            moment = following


@pytest.mark.django_db
def test_what_is_due_is_made_once_whatever_was_missed(organisation: Organisation, operator: User) -> None:
    schedule = kept(operator, every="day", hour=6)
    assert make_due(NOW) == 0
    after_a_week = NOW + timedelta(days=7)
    assert [make_due(after_a_week), make_due(after_a_week)] == [1, 0]
    schedule.refresh_from_db()
    report = Report.objects.get()
    assert (report.title, report.requested_by, schedule.last_report) == ("Weekly", operator, report)
    assert schedule.next_run_at == datetime(2026, 12, 1, 6, tzinfo=UTC)


@pytest.mark.django_db
def test_of_two_ticks_at_once_one_makes_it(organisation: Organisation, operator: User) -> None:
    schedule = kept(operator)
    moment = later(schedule)
    seen_by_both = Schedule.objects.get()
    assert make_run(seen_by_both, moment)
    assert not make_run(seen_by_both, moment)
    assert Report.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("closing", [{"is_active": False}, {"ends_at": NOW}])
def test_a_closed_account_stops_it_and_it_says_so(
    closing: dict[str, Any], organisation: Organisation, operator: User, administrator: User, client: Client
) -> None:
    schedule = kept(operator)
    User.objects.filter(pk=operator.pk).update(**closing)
    assert make_due(later(schedule)) == 0
    schedule.refresh_from_db()
    assert (schedule.next_run_at, Report.objects.count()) == (None, 0)
    assert AuditEvent.objects.filter(verb="schedule.stopped").exists()
    client.force_login(administrator)
    page = client.get("/reports/").content.decode()
    assert "The account of olga@example.org is closed" in page
    assert "stopped" in page


@pytest.mark.django_db
def test_it_shows_what_its_person_sees_then_and_members_of_its_team_read_it(
    organisation: Organisation, operator: User, viewer: User, stranger: User, web_team: Team, other_team: Team
) -> None:
    make_estate(web_team, None, number=2)
    schedule = kept(operator, team=web_team)
    make_due(later(schedule))
    report = Report.objects.get()
    make_report(report.pk, "test", lambda: NOW)
    assert report.filter == "team=web"
    seen = [Report.objects.visible_to(person).exists() for person in (operator, viewer, stranger)]
    assert seen == [True, True, False]
    Membership.objects.filter(user=viewer).delete()
    assert not Report.objects.visible_to(viewer).exists()


@pytest.mark.django_db
def test_who_left_the_team_makes_no_report_of_it(organisation: Organisation, operator: User, web_team: Team) -> None:
    schedule = kept(operator, team=web_team)
    Membership.objects.filter(user=operator).delete()
    make_due(later(schedule))
    schedule.refresh_from_db()
    assert schedule.problem == "olga@example.org is no longer in the team Web."
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_a_view_that_is_gone_is_not_taken_for_everything(organisation: Organisation, operator: User) -> None:
    view = SavedView.objects.create(
        page="certificates", name="Soon", query="status=expiring", owner=operator, created_at=NOW
    )
    schedule = kept(operator, view=view)
    assert schedule_query(schedule) == "status=expiring"
    view.delete()
    make_due(later(schedule))
    schedule.refresh_from_db()
    assert schedule.problem == "The saved view “Soon” is no longer there."
    assert schedule.next_run_at
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_somebody_elses_view_is_refused(organisation: Organisation, operator: User, stranger: User) -> None:
    view = SavedView.objects.create(page="certificates", name="Theirs", owner=stranger, created_at=NOW)
    with pytest.raises(ValueError, match="no longer there"):
        kept(operator, view=view)


@pytest.mark.django_db
def test_people_keep_their_own_and_administrators_all(
    organisation: Organisation, operator: User, stranger: User, administrator: User
) -> None:
    schedule = kept(operator)
    with pytest.raises(PermissionDenied, match="own schedules"):
        delete_schedule(schedule, actor=stranger, now=NOW)
    schedule.person = stranger
    with pytest.raises(PermissionDenied, match="own schedules"):
        save_schedule(schedule, actor=stranger, now=NOW)
    schedule.refresh_from_db()
    schedule.hour = 7
    assert save_schedule(schedule, actor=administrator, now=NOW)
    assert not save_schedule(schedule, actor=administrator, now=NOW)
    delete_schedule(schedule, actor=administrator, now=NOW)
    verbs = ["schedule.created", "schedule.changed", "schedule.deleted"]
    assert list(AuditEvent.objects.order_by("number").values_list("verb", flat=True)) == verbs


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"filter": "nonsense=1"}, "nonsense"),
        ({"day": "8"}, "Write 1 to 7"),
        ({"every": "month", "day": "32"}, "Write 1 to 7"),
        ({"name": "We\u202eekly"}, "characters that nobody sees"),
        ({"name": "Weekly"}, "There is a schedule of this name already"),
        ({"team": "999"}, "Select a valid choice"),
    ],
)
def test_a_form_says_what_is_wrong(
    sent: dict[str, str], said: str, client: Client, organisation: Organisation, operator: User
) -> None:
    kept(operator)
    client.force_login(operator)
    whole = {"name": "Other", "every": "week", "day": "1", "hour": "6", "enabled": "on", "filter": ""}
    answer = client.post("/reports/schedules/new/", {**whole, **sent})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Schedule.objects.count() == 1


@pytest.mark.django_db
def test_a_schedule_is_made_changed_and_removed_on_pages(
    client: Client, organisation: Organisation, operator: User
) -> None:
    client.force_login(operator)
    whole = {
        "name": "Mine",
        "every": "day",
        "day": "9",
        "hour": "6",
        "enabled": "on",
        "filter": "",
        "view": "",
        "team": "",
    }
    assert client.post("/reports/schedules/new/", whole).status_code == 302
    schedule = Schedule.objects.get()
    assert (schedule.person, schedule.day) == (operator, 1)
    assert "Mine" in client.get("/reports/").content.decode()
    client.post(f"/reports/schedules/{schedule.pk}/", {**whole, "enabled": ""})
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_run_at) == (False, None)
    client.post(f"/reports/schedules/{schedule.pk}/delete/")
    assert not Schedule.objects.exists()
