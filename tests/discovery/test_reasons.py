"""What the last look at a source or a network is worth: good only if it answered, in time, and missed nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from discovery.reasons import Evidence, State, standing
from tests.conftest import NOW

DAY = timedelta(days=1)
GOOD = Evidence(looked_at=NOW, every=DAY, answered=3, known=3)


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({}, State.COVERED, "what is known to exist answered"),
        ({"looked_at": None, "answered": 0}, State.NEVER, "No scan"),
        ({"answered": 0, "known": 0}, State.UNPROVEN, "Nothing there answered"),
        ({"answered": 0, "known": 3, "missed": 3}, State.UNPROVEN, "Nothing there answered"),
        ({"missed": 1}, State.STALE, "1 of 3 places known to exist"),
        ({"known": 1, "missed": 1}, State.STALE, "1 of 1 place known to exist"),
        ({"error": "no permission"}, State.FAILED, "no permission"),
        ({"error": "no permission", "looked_at": NOW - 9 * DAY}, State.FAILED, "no permission"),
        ({"is_whole": False}, State.IN_PART, "Only a part"),
        ({"is_whole": False, "missed": 2}, State.STALE, "2 of 3"),
        ({"is_on": False}, State.OFF, "switched off"),
        ({"looked_at": NOW - 2 * DAY}, State.COVERED, "answered"),
        ({"looked_at": NOW - 2 * DAY - timedelta(seconds=1)}, State.LATE, "overdue by more than its interval"),
        ({"looked_at": NOW - 3 * DAY, "answered": 0}, State.LATE, "overdue"),
        ({"looked_at": NOW - 3 * DAY, "every": 2 * DAY}, State.COVERED, "answered"),
        ({"looked_at": NOW - 3 * DAY, "every": None}, State.LATE, "no source looks at it again"),
    ],
)
def test_the_first_state_that_holds_is_said(changes: dict[str, Any], state: State, said: str) -> None:
    found = standing(replace(GOOD, **changes), NOW)
    assert found.state == state
    assert said in found.sentence
    assert found.is_good == (state is State.COVERED)
