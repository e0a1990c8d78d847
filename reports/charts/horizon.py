"""The expiry horizon: what ends in each of the next weeks, stacked by who takes care of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reports.charts.scale import Tick, percent, ticks

HEIGHT = 212
TOP = 36  # above it stand today, the rule dates and the number of the peak
BOTTOM = 186  # below it stand the dates
BAR_SHARE = 0.72  # of the width of a week
LEAST = 2.0  # pixels: one certificate stays visible beside thousands
LABEL_GAP = 2  # weeks between two dates, so that they do not touch


@dataclass(frozen=True, slots=True)
class Series:
    """One layer of the stack. ``code`` (machine, hand, failing, nobody) chooses colour and pattern."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from ``start``: how many certificates of each series end in them, and the list that shows them."""

    start: date
    counts: Mapping[str, int]
    url: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class RuleDate:
    """A day from which a rule holds, in a long and in a short wording."""

    day: date
    text: str
    short: str


@dataclass(frozen=True, slots=True)
class Segment:
    code: str
    label: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """The bar of one week. ``slot_*`` is the whole strip that can be clicked, ``x`` and ``width`` the bar in it."""

    week: Week
    slot_x: str
    slot_width: str
    x: str
    width: str
    y: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A date under the axis; ``minor`` ones are left out where the chart is narrow."""

    day: date
    x: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A dotted line at a rule date; ``anchor`` says to which side its words run."""

    rule: RuleDate
    x: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the number of the fullest week stands."""

    week: Week
    x: str
    y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Horizon:
    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    lines: tuple[Line, ...]
    peak: Peak | None
    total: int
    height: int = HEIGHT
    top: int = TOP
    bottom: int = BOTTOM


def expiry_horizon(weeks: Sequence[Week], series: Sequence[Series], rules: Sequence[RuleDate] = ()) -> Horizon:
    """Place one bar per week, in the order given; ``series`` is the stack from below."""
    highest = max((week.total for week in weeks), default=0)
    columns = tuple(_column(week, place, len(weeks), highest, series) for place, week in enumerate(weeks))
    return Horizon(
        series=tuple(series),
        columns=columns,
        ticks=ticks(highest, TOP, BOTTOM),
        labels=_labels(weeks),
        lines=tuple(line for rule in rules if (line := _line(rule, weeks))),
        peak=_peak(columns) if highest else None,
        total=sum(week.total for week in weeks),
    )


def _column(week: Week, place: int, places: int, highest: int, series: Sequence[Series]) -> Column:
    slot = 1 / places
    segments = _stack(week, highest, series)
    return Column(
        week=week,
        slot_x=percent(place * slot),
        slot_width=percent(slot),
        x=percent((place + (1 - BAR_SHARE) / 2) * slot),
        width=percent(BAR_SHARE * slot),
        y=segments[-1].y if segments else float(BOTTOM),
        segments=segments,
    )


def _stack(week: Week, highest: int, series: Sequence[Series]) -> tuple[Segment, ...]:
    """Stack upwards with a gap of one pixel, because neighbours differ little in brightness."""
    segments: list[Segment] = []
    foot = float(BOTTOM)
    for one in series:
        count = week.counts.get(one.code, 0)
        if not count:
            continue
        tall = max((BOTTOM - TOP) * count / max(highest, 1), LEAST)
        gap = 1 if segments and tall > LEAST else 0
        segments.append(Segment(one.code, one.label, count, round(foot - tall, 1), round(tall - gap, 1)))
        foot -= tall
    return tuple(segments)


def _labels(weeks: Sequence[Week]) -> tuple[Label, ...]:
    """Date the first week and those in which a month begins."""
    labels: list[Label] = []
    last = -LABEL_GAP
    for place, week in enumerate(weeks):
        if (place == 0 or _begins_month(week)) and place - last >= LABEL_GAP:
            labels.append(Label(week.start, percent((place + (1 - BAR_SHARE) / 2) / len(weeks)), bool(len(labels) % 2)))
            last = place
    return tuple(labels)


def _begins_month(week: Week) -> bool:
    """Whether this is the first week that starts in its month."""
    return week.start.day <= 7


def _line(rule: RuleDate, weeks: Sequence[Week]) -> Line | None:
    if not weeks:
        return None
    days = (rule.day - weeks[0].start).days
    if not 0 <= days < 7 * len(weeks):
        return None
    fraction = days / (7 * len(weeks))
    return Line(rule, percent(fraction), "start" if fraction < 0.5 else "end")


def _peak(columns: Sequence[Column]) -> Peak:
    place, column = max(enumerate(columns), key=lambda pair: pair[1].week.total)
    at_end = place > len(columns) * 0.7
    edge = (place + (1 + BAR_SHARE) / 2) / len(columns)
    return Peak(column.week, percent(edge) if at_end else column.x, column.y - 6, "end" if at_end else "start")
