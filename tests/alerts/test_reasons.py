"""When a daily mail is due, and whether it has something to say: pure decisions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.reasons import Found, Say, day_to_write, what_to_say

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 23)
BEFORE = MONDAY - timedelta(days=1)


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "written", "expected"),
    [
        (at(6, 59), {BEFORE}, None),
        (at(7), {BEFORE}, MONDAY),
        (at(23, 59), {BEFORE}, MONDAY),
        (at(7), {MONDAY}, None),
        # The first day of an installation, and its first morning.
        (at(7), set(), MONDAY),
        (at(3), set(), None),
        # Down since Sunday morning, up again in the night: Sunday's is made up; a week is made up once.
        (at(3), {BEFORE - timedelta(days=1)}, BEFORE),
        (at(9), {MONDAY - timedelta(days=7)}, MONDAY),
        # A clock that was ahead wrote days to come.
        (at(7), {BEFORE, MONDAY + timedelta(days=3)}, MONDAY),
    ],
)
def test_each_day_is_written_once_from_its_hour_on(now: datetime, written: set[date], expected: date | None) -> None:
    assert day_to_write(now, BERLIN, 7, written) == expected


def test_a_week_without_a_worker_is_made_up_by_one_mail() -> None:
    written = {MONDAY - timedelta(days=7)}
    days = []
    for minutes in range(0, 24 * 60, 5):
        day = day_to_write(at(0) + timedelta(minutes=minutes), BERLIN, 7, written)
        if day:
            days.append(day)
            written.add(day)
    assert days == [BEFORE, MONDAY]


@pytest.mark.parametrize(("day", "hour"), [(date(2027, 3, 28), 2), (date(2026, 10, 25), 2), (date(2027, 3, 28), 0)])
def test_an_hour_that_is_skipped_or_comes_twice_writes_once(day: date, hour: int) -> None:
    written = {day - timedelta(days=1)}
    moment, begun = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC), []
    for minute in range(26 * 60):
        now = moment + timedelta(minutes=minute)
        due = day_to_write(now, BERLIN, hour, written)
        if due == day:
            begun.append(now.astimezone(BERLIN))
            written.add(day)
    (only,) = begun
    assert only.hour in {hour, 3}
    assert only.minute == 0


def found(number: int, *, beside: bool = False) -> list[Found]:
    return [Found("expired", 0), Found("unowned", number, beside)]


@pytest.mark.parametrize(
    ("parts", "judged", "population", "day", "expected"),
    [
        (found(1), 10, 10, BEFORE, Say.SOMETHING),
        (found(1), 0, 0, BEFORE, Say.SOMETHING),
        (found(1, beside=True), 10, 10, BEFORE, Say.SILENCE),
        (found(0), 10, 10, BEFORE, Say.SILENCE),
        (found(0), 10, 10, MONDAY, Say.NOTHING_TO_REPORT),
        (found(0), 96, 100, MONDAY, Say.NOTHING_TO_REPORT),
        # Nothing was found because nobody looked.
        (found(0), 94, 100, MONDAY, Say.UNKNOWN),
        (found(0), 94, 100, BEFORE, Say.UNKNOWN),
        (found(0), 0, 0, MONDAY, Say.SILENCE),
    ],
)
def test_bad_and_unknown_are_said_and_well_only_on_mondays(
    parts: list[Found], judged: int, population: int, day: date, expected: Say
) -> None:
    assert what_to_say(parts, judged, population, day) is expected
