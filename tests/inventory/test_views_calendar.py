from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, CalendarFeed, Organisation, SavedView, Team, User
from inventory import filters
from inventory.snapshot import calendar, feed
from inventory.snapshot.calendar import Period, read_period
from tests.inventory.factories import make_certificate
from tests.inventory.test_views_certificate import words

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("asked", "period"),
    [
        ({}, Period(date(2026, 11, 1), 1)),
        ({"month": "2027-02"}, Period(date(2027, 2, 1), 1)),
        ({"quarter": "2026-Q4"}, Period(date(2026, 10, 1), 3)),
        ({"month": "2027-13"}, None),
        ({"month": "9999-12"}, None),
        ({"month": "0001-01"}, None),
        ({"quarter": "2026-Q5"}, None),
        ({"quarter": "Q"}, None),
        ({"month": "<script>"}, None),
    ],
)
def test_an_address_names_a_month_or_a_quarter(asked: dict[str, str], period: Period | None) -> None:
    assert read_period(asked, TODAY) == period


def test_periods_follow_each_other_over_the_year() -> None:
    quarter = Period(date(2026, 10, 1), 3)
    assert quarter.word == "quarter=2026-Q4"
    assert (quarter.next, quarter.previous) == (Period(date(2027, 1, 1), 3), Period(date(2026, 7, 1), 3))
    assert Period(date(2026, 12, 1), 1).next == Period(date(2027, 1, 1), 1)
    assert Period(date(2026, 11, 1), 1).turned == quarter
    assert Period(date(1990, 1, 1), 1).previous is None


@pytest.fixture
def estate(organisation: Organisation, web_team: Team, other_team: Team) -> None:
    Organisation.objects.update(timezone="Europe/Berlin")
    # 23:30 in UTC is the next day in Berlin.
    late = datetime(2027, 1, 14, 23, 30, tzinfo=UTC)
    make_certificate("late.example.org", not_after=late, owner_team=web_team, nodes_serving=1)
    make_certificate("bad.example.org", not_after=late, nodes_serving=1, risks=["expiring"], owner_team=other_team)
    make_certificate("unused.example.org", not_after=datetime(2027, 1, 20, 12, tzinfo=UTC))
    make_certificate("february.example.org", not_after=datetime(2027, 2, 1, 12, tzinfo=UTC), nodes_serving=1)


def test_each_day_says_how_many_end_and_leads_to_them(
    as_administrator: Client, administrator: User, estate: None, today: datetime
) -> None:
    for query, expected in (
        ("month=2027-01", {"15 January 2027": "2"}),
        ("month=2027-01&scope=all", {"15 January 2027": "2", "20 January 2027": "1"}),
        ("quarter=2027-Q1", {"15 January 2027": "2", "1 February 2027": "1"}),
        ("month=2027-01&team=web", {"15 January 2027": "1"}),
    ):
        html = as_administrator.get(f"/calendar/?{query}").text
        days = re.findall(r'href="/certificates/\?([^"]*)"\s*aria-label="(\S+) certificates end on ([^",]*)', html)
        assert {day: number for _query, number, day in days} == expected
        for link, number, _day in days:
            found = filters.certificates(link.replace("&amp;", "&"), administrator, today)
            assert found.queryset.count() == int(number)


def test_the_worst_day_stands_first(as_administrator: Client, estate: None) -> None:
    page = words(as_administrator.get("/calendar/?quarter=2027-Q1&scope=all"))
    assert re.search(
        r"Fri 15 January 2027 2 2 0 high Mon 1 February 2027 1 1 1 none known Wed 20 January 2027 1 0 1", page
    ), page


def test_where_too_much_ends_each_day_is_counted_for_itself(
    as_administrator: Client, estate: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "MOST_COUNTED", 1)
    monkeypatch.setattr(calendar, "MOST_A_DAY", 1)
    page = words(as_administrator.get("/calendar/?month=2027-01"))
    assert "Fri 15 January 2027 1+ too many in these months to read each" in page


def test_a_saved_view_is_a_filter_of_the_calendar(
    as_administrator: Client, administrator: User, operator: User, estate: None, today: datetime
) -> None:
    columns = {"page": "certificates", "created_at": today}
    view = SavedView.objects.create(name="Ours", query="team=web", owner=administrator, **columns)
    theirs = SavedView.objects.create(name="Theirs", query="", owner=operator, **columns)
    assert "1 certificate ends in it" in words(as_administrator.get(f"/calendar/?month=2027-01&view={view.pk}"))
    assert as_administrator.get(f"/calendar/?view={theirs.pk}").status_code == 404
    assert as_administrator.get("/calendar/?view=x").status_code == 404
    assert as_administrator.get("/calendar/?month=2027-99").status_code == 422
    assert as_administrator.get("/calendar/?nonsense=1").status_code == 422


def _new_feed(client: Client, **sent: object) -> str:
    found = re.search(r"/calendar/[\w-]{43}\.ics", client.post("/calendar/feeds/", sent, follow=True).text)
    assert found
    return found[0]


def _events(content: bytes) -> dict[str, Any]:
    return {str(event["summary"]): event for event in icalendar.Calendar.from_ical(content).walk("VEVENT")}


def test_a_feed_is_read_without_signing_in_with_the_rights_of_its_person(
    client: Client, operator: User, estate: None, today: datetime
) -> None:
    client.force_login(operator)
    address = _new_feed(client)
    assert address not in client.get("/calendar/feeds/").text
    answer = Client().get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert not answer.cookies
    events = _events(answer.content)
    assert set(events) == {"Expires: late.example.org", "Expires: february.example.org"}
    event = events["Expires: late.example.org"]
    assert event["dtstart"].dt == date(2027, 1, 15)
    assert re.fullmatch("[0-9a-f]{64}@certdash", event["uid"])
    assert "Owner: Web" in event["description"]
    feed = CalendarFeed.objects.get()
    assert feed.last_read_at
    assert address[10:53] not in str(CalendarFeed.objects.values()) + str(AuditEvent.objects.values())
    operator.memberships.all().delete()
    assert set(_events(Client().get(address).content)) == {"Expires: february.example.org"}


def test_an_unchanged_feed_is_not_sent_again(client: Client, operator: User, estate: None) -> None:
    client.force_login(operator)
    address = _new_feed(client)
    first = Client().get(address)
    again = Client().get(address, headers={"if-none-match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    make_certificate("new.example.org", not_after=datetime(2027, 3, 1, tzinfo=UTC), nodes_serving=1)
    assert Client().get(address, headers={"if-none-match": first.headers["ETag"]}).status_code == 200


def test_a_feed_ends_with_its_address_its_account_or_its_view(
    client: Client, operator: User, web_team: Team, estate: None, today: datetime
) -> None:
    client.force_login(operator)
    view = SavedView.objects.create(
        page="certificates", name="Team", query="team=web", audience="team", team=web_team, created_at=today
    )
    of_view, whole = _new_feed(client, view=view.pk), _new_feed(client)
    assert set(_events(Client().get(of_view).content)) == {"Expires: late.example.org"}
    operator.memberships.all().delete()
    assert Client().get(of_view).status_code == 404
    User.objects.filter(pk=operator.pk).update(ends_at=today - timedelta(days=1))
    assert Client().get(whole).status_code == 404
    User.objects.filter(pk=operator.pk).update(ends_at=None, is_active=False)
    assert Client().get(whole).status_code == 404
    User.objects.filter(pk=operator.pk).update(is_active=True)
    assert Client().get(whole).status_code == 200
    client.force_login(operator)
    client.post(f"/calendar/feeds/{CalendarFeed.objects.get(view=None).pk}/withdraw/")
    assert Client().get(whole).status_code == 404
    assert set(AuditEvent.objects.values_list("verb", flat=True)) >= {"calendar.created", "calendar.withdrawn"}


def test_a_feed_whose_view_is_not_understood_says_so_and_never_looks_empty(
    client: Client, operator: User, web_team: Team, estate: None, today: datetime
) -> None:
    client.force_login(operator)
    view = SavedView.objects.create(
        page="certificates", name="Ours", query="team=web", audience="team", team=web_team, created_at=today
    )
    address = _new_feed(client, view=view.pk)
    assert "It answers nothing" not in client.get("/calendar/feeds/").text
    SavedView.objects.update(query="team=web&colour=red")
    answer = Client().get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "text/plain; charset=utf-8")
    assert "the filter of the saved view “Ours” is not understood any more" in answer.text
    assert "colour" in answer.text
    assert "It answers nothing" in client.get("/calendar/feeds/").text
    operator.memberships.all().delete()
    assert "You do not see this view any more." in client.get("/calendar/feeds/").text


def test_nobody_withdraws_or_sees_an_address_of_others(client: Client, operator: User, stranger: User) -> None:
    client.force_login(operator)
    _new_feed(client)
    client.force_login(stranger)
    feed = CalendarFeed.objects.get()
    assert client.post(f"/calendar/feeds/{feed.pk}/withdraw/").status_code == 404
    assert f"/calendar/feeds/{feed.pk}/" not in client.get("/calendar/feeds/").text


def test_a_feed_is_not_read_all_the_time(client: Client, operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(operator)
    address = _new_feed(client)
    monkeypatch.setattr("inventory.views.calendar.READ_AT_MOST", 2)
    answers = [Client().get(address) for _ in range(4)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"]


def test_one_has_only_so_many_addresses(client: Client, operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.feeds.MOST_PER_PERSON", 1)
    client.force_login(operator)
    _new_feed(client)
    assert client.post("/calendar/feeds/").status_code == 422


def test_hostile_names_stay_text_and_a_cut_is_said(
    client: Client, operator: User, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(days=5)
    make_certificate("evil\r\nBEGIN:VEVENT\r\nSUMMARY:x;,\\", not_after=soon, nodes_serving=1)
    make_certificate("end.example.org", not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), nodes_serving=1)
    client.force_login(operator)
    address = _new_feed(client)
    events = _events(Client().get(address).content)
    assert len(events) == 2
    assert any("BEGIN:VEVENT" in summary for summary in events)
    monkeypatch.setattr(feed, "MOST_EVENTS", 1)
    cut = Client().get(address)
    assert "More expiries follow that this calendar does not hold" in _events(cut.content)
    assert "Only the first 1 expiries" in cut.text.replace("\r\n ", "")


def test_without_unowned_rows_a_feed_shows_none(
    client: Client, operator: User, estate: None, settings: Settings
) -> None:
    settings.HIDE_UNOWNED = True
    client.force_login(operator)
    assert set(_events(Client().get(_new_feed(client)).content)) == {"Expires: late.example.org"}
