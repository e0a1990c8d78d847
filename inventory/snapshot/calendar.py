"""What expires on which day, of one filter: numbers for a page, and rows for a feed."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from inventory.filters import Count, Filtered, count_up_to, in_words, query_with
from inventory.filters.base import MOST_COUNTED
from inventory.models import Certificate, Severity

# Where more expires than can be read at once, each day is counted for itself, up to this.
MOST_A_DAY = 1_000
# The calendar chooses the days itself.
NOT_TAKEN = ("expires_after", "expires_before", "after", "sort", "per_page")
_FIRST, _LAST = date(1990, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months: from the first day on, up to the day ``end`` (which no longer belongs to it)."""

    first: date
    months: int

    @property
    def end(self) -> date:
        return _months_later(self.first, self.months)

    @property
    def word(self) -> str:
        """As it stands in an address."""
        if self.months == 1:
            return f"month={self.first:%Y-%m}"
        return f"quarter={self.first.year}-Q{(self.first.month + 2) // 3}"

    @property
    def next(self) -> Period | None:
        later = Period(self.end, self.months)
        return later if later.first < _LAST else None

    @property
    def previous(self) -> Period | None:
        return Period(_months_later(self.first, -self.months), self.months) if self.first > _FIRST else None

    @property
    def turned(self) -> Period:
        """The quarter of a month, or the first month of a quarter."""
        return quarter_of(self.first) if self.months == 1 else Period(self.first, 1)


def month_of(day: date) -> Period:
    return Period(day.replace(day=1), 1)


def quarter_of(day: date) -> Period:
    return Period(day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1), 3)


def read_period(asked: Mapping[str, Any], today: date) -> Period | None:
    """The period that an address names, this month if it names none; None if nobody can read it."""
    try:
        if word := asked.get("quarter"):
            year, quarter = word.split("-Q")
            found = Period(date(int(year), int(quarter) * 3 - 2, 1), 3)
        elif word := asked.get("month"):
            found = month_of(date.fromisoformat(f"{word}-01"))
        else:
            return month_of(today)
    except ValueError:
        return None
    return found if _FIRST <= found.first < _LAST else None


class Rest(NamedTuple):
    """What is said of a day only where all of it was read."""

    in_use: int
    unowned: int
    worst: int


@dataclass(frozen=True, slots=True)
class Day:
    """``query``: the list of exactly these certificates."""

    day: date
    count: Count
    query: str
    is_today: bool
    is_past: bool
    rest: Rest | None = None

    @property
    def number(self) -> str:
        return in_words(self.count)

    @property
    def worst(self) -> str:
        return Severity(self.rest.worst).name.lower() if self.rest and self.rest.worst else ""


@dataclass(frozen=True, slots=True)
class Month:
    """``weeks`` of seven days; None where a day belongs to another month."""

    first: date
    weeks: Sequence[Sequence[Day | None]]


@dataclass(frozen=True, slots=True)
class Expiries:
    months: Sequence[Month]
    days: Sequence[Day]

    @property
    def total(self) -> str:
        exact = all(day.count.exact for day in self.days)
        return in_words(Count(sum(day.count.number for day in self.days), exact))

    @property
    def worst_first(self) -> list[Day]:
        """The days on which something ends: first what is in use and worst."""
        busy = [day for day in self.days if day.count.number]
        return sorted(
            busy,
            key=lambda d: (-(d.rest.worst if d.rest else 0), -(d.rest.in_use if d.rest else d.count.number), d.day),
        )


def expiries(result: Filtered[Certificate], period: Period, zone: tzinfo, now: datetime) -> Expiries:
    """One query where all of it can be read, one for each day where not: never more than there are days."""
    begin, end = midnight(period.first, zone), midnight(period.end, zone)
    window = result.queryset.filter(not_after__gte=begin, not_after__lt=end).order_by()
    rows = list(window.values_list("not_after", "nodes_serving", "owner_team", "worst_severity")[: MOST_COUNTED + 1])
    read = len(rows) <= MOST_COUNTED
    found = _by_day(rows, zone) if read else {}
    days = [_day(result, day, found if read else None, zone, now) for day in _days(period)]
    by_day = {day.day: day for day in days}
    firsts = [_months_later(period.first, number) for number in range(period.months)]
    return Expiries([Month(first, _weeks(first, by_day)) for first in firsts], days)


def midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _by_day(rows: Iterable[tuple[datetime | None, int, int | None, int]], zone: tzinfo) -> dict[date, list[Any]]:
    found: dict[date, list[Any]] = defaultdict(list)
    for row in rows:
        if row[0] is not None:
            found[row[0].astimezone(zone).date()].append(row)
    return found


def _day(
    result: Filtered[Certificate], day: date, found: Mapping[date, list[Any]] | None, zone: tzinfo, now: datetime
) -> Day:
    begin, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    today = now.astimezone(zone).date()
    query = query_with(result.asked, expires_after=_utc(begin), expires_before=_utc(end))
    if found is None:
        count = count_up_to(result.queryset.filter(not_after__gte=begin, not_after__lt=end), MOST_A_DAY)
        return Day(day, count, query, day == today, day < today)
    rows = found.get(day, [])
    rest = Rest(
        in_use=sum(nodes > 0 for _moment, nodes, _team, _worst in rows),
        unowned=sum(team is None for _moment, _nodes, team, _worst in rows),
        worst=max((worst for *_rest, worst in rows), default=0),
    )
    return Day(day, Count(len(rows)), query, day == today, day < today, rest)


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _days(period: Period) -> list[date]:
    return [period.first + timedelta(days=number) for number in range((period.end - period.first).days)]


def _weeks(first: date, days: Mapping[date, Day]) -> list[list[Day | None]]:
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    return [[days.get(day) if day.month == first.month else None for day in week] for week in weeks]


def _months_later(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def weekdays() -> list[str]:
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
