"""The status of a certificate: one word, the same from Python and from the database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from inventory.models import Certificate
from inventory.status import Situation, Status, days_left, life_days, little_life_left_from, status
from tests.conftest import NOW
from tests.inventory.factories import digest

DAY = timedelta(days=1)


def situation(days_old: float, days_left: float, **standing: object) -> Situation:
    begin, end = NOW - days_old * DAY, NOW + days_left * DAY
    return Situation(begin, end, little_life_left_from(begin, end)[0], **standing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (situation(30, 60), Status.IN_DATE),
        (situation(60, 30), Status.EXPIRING),
        (situation(90, -1), Status.EXPIRED),
        (situation(90, 0), Status.EXPIRING),
        (situation(-1, 90), Status.NOT_YET_VALID),
        (situation(30, 60, superseded=True), Status.SUPERSEDED),
        (situation(60, 30, superseded=True), Status.EXPIRING),
        (situation(30, 60, served_ever=True), Status.GONE),
        (situation(30, 60, served_ever=True, nodes_serving=1), Status.IN_DATE),
        (situation(90, -1, revoked_at=NOW), Status.REVOKED),
        (situation(30, 60, revoked_at=NOW + DAY), Status.IN_DATE),
        (Situation(None, NOW, None), Status.UNKNOWN),
        (Situation(NOW, NOW - DAY, None), Status.EXPIRED),  # inverted dates: its last day has passed
        (Situation(NOW - DAY, NOW + DAY, None), Status.UNKNOWN),
    ],
)
def test_the_first_status_that_holds(given: Situation, expected: Status) -> None:
    assert status(given, NOW) == expected


# Moments that lie on, just before and just after each other, so that boundaries are met often.
moments = st.integers(-100, 100).map(lambda hours: NOW + timedelta(hours=hours)) | st.just(NOW)
maybe = st.none() | moments


@pytest.mark.parametrize(("left", "whole"), [(5.9, 5), (0.5, 0), (0, 0), (-0.5, 0), (-1, -1), (-40.4, -40)])
def test_days_left_are_whole_and_rounded_towards_now_on_both_sides(left: float, whole: int) -> None:
    assert days_left(NOW + left * DAY, NOW) == whole


def test_a_lifetime_counts_whole_days_with_its_last_second() -> None:
    assert life_days(NOW, NOW + timedelta(days=6, hours=16)) == 6
    assert life_days(NOW, NOW + timedelta(days=90, seconds=-1)) == 90
    assert life_days(None, NOW) is None


def test_what_has_no_readable_end_has_no_days_left() -> None:
    assert days_left(None, NOW) is None


class Twins(TestCase):
    @settings(max_examples=150, deadline=None)
    @given(
        dates=st.tuples(maybe, maybe, maybe, maybe),
        superseded=st.booleans(),
        served_ever=st.booleans(),
        nodes_serving=st.integers(0, 2),
    )
    def test_the_database_says_what_python_says(
        self,
        dates: tuple[datetime | None, datetime | None, datetime | None, datetime | None],
        superseded: bool,  # noqa: FBT001 - hypothesis passes by name
        served_ever: bool,  # noqa: FBT001
        nodes_serving: int,
    ) -> None:
        row = Certificate(
            sha256=digest(dates, superseded, served_ever, nodes_serving),
            not_before=dates[0],
            not_after=dates[1],
            expiring_from=dates[2],
            revoked_at=dates[3],
            superseded=superseded,
            served_ever=served_ever,
            nodes_serving=nodes_serving,
            first_seen_at=NOW,
        )
        row.save()
        expected = row.status_at(NOW)
        mine = Certificate.objects.filter(pk=row.pk)
        assert mine.with_status(NOW).get().status_word == expected.value  # type: ignore[attr-defined] # annotated
        assert [word for word in Status if mine.in_status([word], NOW).exists()] == [expected]
