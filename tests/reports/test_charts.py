"""Geometry of the charts, and that one template serves the page and the paper."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from inventory.status import Situation, Status, little_life_left_from, status
from reports.charts import (
    Bar,
    RuleDate,
    Series,
    Week,
    expiry_horizon,
    lifetime,
    progress_parts,
    shard_grid,
    sorted_bars,
)
from reports.charts.horizon import BOTTOM, LEAST, TOP
from reports.charts.scale import percent, step, ticks

MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
SERIES = (Series("machine", "by machine"), Series("failing", "failing"), Series("nobody", "nobody"))
RULE = RuleDate(date(2027, 3, 15), "new public certificates ≤ 100 days", "≤ 100 days")
COUNTS = st.fixed_dictionaries({one.code: st.integers(0, 100_000) for one in SERIES})


def weeks(*totals: int) -> list[Week]:
    return [Week(MONDAY + timedelta(weeks=n), {"machine": total}, f"?week={n}") for n, total in enumerate(totals)]


def number(text: str) -> float:
    return float(text.removesuffix("%"))


@pytest.mark.parametrize(
    ("highest", "size"), [(1, 1), (3, 1), (4, 2), (7, 2), (8, 5), (41, 20), (19, 5), (99_999, 50_000)]
)
def test_ticks_go_in_steps_of_one_two_or_five(highest: int, size: int) -> None:
    assert step(highest) == size


@given(st.integers(0, 10**7))
def test_there_are_at_most_three_ticks_above_zero(highest: int) -> None:
    lines = ticks(highest, TOP, BOTTOM)
    assert 2 <= len(lines) <= 4
    assert lines[0].y == BOTTOM
    assert all(TOP <= line.y <= BOTTOM for line in lines)


def test_the_highest_week_is_annotated() -> None:
    horizon = expiry_horizon(weeks(3, 41, 7), SERIES)
    assert horizon.peak is not None
    assert horizon.peak.week.total == 41
    assert horizon.columns[1].y == TOP


def test_nothing_that_expires_has_no_peak_and_no_bars() -> None:
    horizon = expiry_horizon(weeks(0, 0), SERIES)
    assert horizon.peak is None
    assert all(not column.segments for column in horizon.columns)


def test_no_weeks_at_all_are_drawn_as_an_empty_chart() -> None:
    assert expiry_horizon([], SERIES, [RULE]).columns == ()


@given(st.lists(COUNTS, min_size=1, max_size=30))
def test_segments_stand_on_each_other_and_each_count_is_visible(counts: list[dict[str, int]]) -> None:
    horizon = expiry_horizon([Week(MONDAY + timedelta(weeks=n), c) for n, c in enumerate(counts)], SERIES)
    for column, given_counts in zip(horizon.columns, counts, strict=True):
        assert {part.code: part.count for part in column.segments} == {k: v for k, v in given_counts.items() if v}
        assert all(part.height >= LEAST - 1 for part in column.segments)
        for below, above in pairwise(column.segments):
            assert above.y + above.height <= below.y + 0.11


def test_the_rule_date_stands_where_its_day_is() -> None:
    horizon = expiry_horizon(weeks(*range(1, 27)), SERIES, [RULE])
    assert number(horizon.lines[0].x) == pytest.approx(112 / 182 * 100, abs=0.01)


def test_a_rule_date_beyond_the_horizon_is_left_out() -> None:
    assert expiry_horizon(weeks(1, 2), SERIES, [RULE]).lines == ()


def test_dates_under_the_axis_keep_their_distance() -> None:
    labels = expiry_horizon(weeks(*[1] * 26), SERIES).labels
    assert [f"{label.day:%-d %b}" for label in labels] == [
        "23 Nov",
        "7 Dec",
        "4 Jan",
        "1 Feb",
        "1 Mar",
        "5 Apr",
        "3 May",
    ]
    assert all(later.day - earlier.day >= timedelta(weeks=2) for earlier, later in pairwise(labels))


def test_bars_are_sorted_and_the_rest_is_added_up() -> None:
    bars = sorted_bars([Bar(str(n), n) for n in range(12)], most=8)
    assert [row.count for row in bars.rows] == [11, 10, 9, 8, 7, 6, 5, 4]
    assert (bars.others, bars.others_count) == (4, 6)


def test_one_line_is_never_folded_away() -> None:
    assert sorted_bars([Bar(str(n), n) for n in range(9)], most=8).others == 0


@pytest.mark.parametrize(
    ("begins", "ends", "phase", "elapsed"),
    [(-32, 58, "during", "35.56%"), (-100, -6, "after", "100%"), (5, 95, "before", "0%"), (5, 4, "inverted", "0%")],
)
def test_the_life_of_a_certificate(begins: int, ends: int, phase: str, elapsed: str) -> None:
    life = lifetime(NOW + timedelta(days=begins), NOW + timedelta(days=ends), NOW)
    assert (life.phase, life.elapsed) == (phase, elapsed)


def test_days_left_are_rounded_towards_now_on_both_sides() -> None:
    began = NOW - timedelta(days=90)
    assert lifetime(began, NOW + timedelta(days=5, hours=23), NOW).days_left == 5
    assert lifetime(began, NOW - timedelta(days=5, hours=23), NOW).days_past == 5


def test_words_at_today_run_inwards_near_the_edges() -> None:
    began = NOW - timedelta(days=90)
    assert lifetime(began, NOW + timedelta(days=5), NOW).today_anchor == "end"
    assert lifetime(NOW, NOW + timedelta(days=90), NOW).today_anchor == "start"


@given(st.integers(1, 40_000), st.floats(-0.2, 1.2), st.booleans())
def test_the_bar_and_the_status_never_contradict_each_other(hours: int, gone: float, at_a_mark: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
    begins, ends = NOW, NOW + timedelta(hours=hours)
    expiring_from, urgent_from = little_life_left_from(begins, ends)
    assert expiring_from is not None
    assert urgent_from is not None
    now = expiring_from if at_a_mark else begins + timedelta(hours=hours) * gone
    life = lifetime(begins, ends, now, expiring_from=expiring_from, urgent_from=urgent_from)
    word = status(Situation(begins, ends, expiring_from, served_ever=True, nodes_serving=1), now)
    passed = [mark.code for mark in life.marks if mark.at <= now]
    today = number(life.elapsed)
    assert [mark.code for mark in life.marks] == ["expiring", "urgent"]
    assert all(number(mark.x) <= today if mark.code in passed else number(mark.x) >= today for mark in life.marks)
    assert {
        "during": (word == Status.EXPIRING) == ("expiring" in passed) and word in {Status.EXPIRING, Status.IN_DATE},
        "before": word == Status.NOT_YET_VALID and not passed,
        "after": word == Status.EXPIRED and passed == ["expiring", "urgent"],
    }[life.phase]


@pytest.mark.parametrize(
    ("days", "sides"),
    [
        (90, ["middle", "middle"]),
        (47, ["middle", "middle"]),
        (398, ["end", ""]),
        (3650, ["", ""]),
        (200, ["middle", ""]),
    ],
)
def test_the_words_of_marks_do_not_touch_each_other(days: int, sides: list[str]) -> None:
    ends = NOW + timedelta(days=days)
    expiring_from, urgent_from = little_life_left_from(NOW, ends)
    life = lifetime(NOW, ends, NOW, expiring_from=expiring_from, urgent_from=urgent_from)
    assert [mark.anchor for mark in life.marks] == sides
    assert [mark.at for mark in life.marks] == [expiring_from, urgent_from]


def test_a_bar_without_known_moments_has_no_marks() -> None:
    assert lifetime(NOW, NOW + timedelta(days=90), NOW).marks == ()


@given(
    st.dictionaries(
        st.sampled_from(["answered", "refused", "silent", "excluded", "failed", "not_tried"]), st.integers(0, 10**6)
    )
)
def test_the_parts_of_a_scan_fill_the_bar_and_none_is_lost(counts: dict[str, int]) -> None:
    parts = progress_parts(counts)
    assert sum(part.count for part in parts) == sum(counts.values())
    assert all((number(part.width) > 0) == (part.count > 0) for part in parts)
    assert sum(number(part.width) for part in parts) == pytest.approx(100 if any(counts.values()) else 0, abs=0.5)


def test_many_shards_share_cells_and_a_failure_stays_visible() -> None:
    cells = shard_grid(["done"] * 999 + ["failed"], most=100)
    assert len(cells) == 100
    assert (cells[-1].state, cells[0].state, cells[0].count) == ("failed", "done", 10)


def test_percentages_stay_on_the_chart_and_have_no_local_comma() -> None:
    assert [percent(-1), percent(2), percent(1 / 3)] == ["0%", "100%", "33.33%"]


def figure(*, paper: bool) -> str:
    horizon = expiry_horizon([Week(MONDAY, {"machine": 3, "failing": 1}, "/certificates/?a=1&b=2")], SERIES, [RULE])
    return render_to_string("charts/horizon.html", {"horizon": horizon, "title": "What <ends>", "paper": paper})


def test_on_the_page_every_bar_is_a_link_and_the_numbers_stand_in_a_table_too() -> None:
    page = figure(paper=False)
    assert page.count('href="/certificates/?a=1&amp;b=2"') == 2
    assert "<table" in page
    assert "<ends>" not in page


def test_on_paper_every_mark_has_a_colour_of_its_own_and_patterns_are_at_hand() -> None:
    paper = figure(paper=True)
    assert "<table" not in paper
    for chart in re.findall(r"<svg.*?</svg>", paper, re.DOTALL):
        patterns = {f"url(#{name})" for name in re.findall(r'<pattern id="(\w+)"', chart)}
        fills = re.findall(r'<(?:rect|text|circle)[^>]*\sfill="([^"]*)"', chart)
        assert len(fills) == len(re.findall(r"<(?:rect|text|circle)", chart))
        assert all(fill.startswith("#") or fill in patterns for fill in fills)
