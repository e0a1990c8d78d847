"""A node that tells against another falls silent or is retired: what it told was not seen to be right."""

from __future__ import annotations

import pytest

from accounts.models import User
from inventory.services import retire_endpoint, unretire_endpoint
from lab.pki import Issued
from policy.models import Unjudged
from policy.rules import Bad, Good, NotJudged
from policy.services import acknowledge
from tests.conftest import NOW
from tests.policy.looks import DAY, HOUR, finding, issue, judge, leave_behind, look, node, verdict

RULE = "not_same_everywhere"
BEHIND, AHEAD, THIRD = "192.0.2.1", "192.0.2.2", "192.0.2.3"
pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(administrator: User) -> tuple[Issued, Issued]:
    """What a node that was left behind serves, and the newer one; somebody has taken up the finding."""
    both = leave_behind()
    judge(NOW)
    acknowledge(finding(RULE, node(BEHIND)), administrator, NOW)
    return both


def reason() -> str:
    return Unjudged.objects.get(rule=RULE, endpoint=node(BEHIND)).reason


def test_while_the_newer_node_is_silent_the_finding_stays_as_it_was_taken_up(pair: tuple[Issued, Issued]) -> None:
    look(None, NOW + HOUR, AHEAD)
    judge(NOW + HOUR)
    assert reason().startswith("No other node of this service has answered lately")
    look(pair[1], NOW + 2 * HOUR, AHEAD)
    judge(NOW + 2 * HOUR)
    kept = finding(RULE, node(BEHIND))
    assert (kept.closed_at, kept.closing, kept.reopened) == (None, "", 0)
    assert kept.acknowledged_at == NOW


def test_a_third_node_that_answers_does_not_make_the_silence_of_the_newer_one_good() -> None:
    look(leave_behind()[0], NOW, THIRD)
    look(None, NOW + HOUR, AHEAD)
    found = verdict(RULE, node(BEHIND), NOW + HOUR)
    assert isinstance(found, NotJudged)
    assert found.reason == "A node that served a newer certificate when it last answered has not answered since."


def test_what_a_silent_node_was_seen_to_change_still_tells_which_is_the_newer() -> None:
    old, new = issue(), issue(begins=0)
    for address in (BEHIND, AHEAD):
        look(old, NOW - HOUR, address)
    for address in (AHEAD, THIRD):
        look(new, NOW, address)
    look(None, NOW + HOUR, AHEAD)
    found = verdict(RULE, node(BEHIND), NOW + HOUR)
    assert isinstance(found, Bad)
    assert found.evidence["newer on"] == "192.0.2.3:443"


def test_a_silent_node_that_served_nothing_newer_stands_in_nobodys_way_while_another_answers() -> None:
    old = issue()
    for address in (BEHIND, AHEAD, THIRD):
        look(old, NOW, address)
    look(None, NOW + HOUR, AHEAD)
    assert verdict(RULE, node(BEHIND), NOW + HOUR) == Good()


def test_a_look_at_the_newer_node_that_becomes_too_old_is_no_evidence_and_closes_nothing(
    pair: tuple[Issued, Issued],
) -> None:
    look(pair[0], NOW + 2 * DAY - HOUR, BEHIND)
    judge(NOW + 2 * DAY - HOUR)
    assert not Unjudged.objects.filter(rule=RULE).exists()
    judge(NOW + 2 * DAY)
    assert reason().startswith("No other node")
    assert finding(RULE, node(BEHIND)).closed_at is None


def test_a_retired_sister_takes_away_what_it_told_and_shows_nothing_to_be_right(
    pair: tuple[Issued, Issued], administrator: User
) -> None:
    retire_endpoint(node(AHEAD), "Gone.", actor=administrator, now=NOW + HOUR)
    judge(NOW + HOUR)
    assert finding(RULE, node(BEHIND)).closing == "retired"
    unretire_endpoint(node(AHEAD), "Still there.", actor=administrator, now=NOW + 2 * HOUR)
    judge(NOW + 2 * HOUR)
    assert finding(RULE, node(BEHIND)).closed_at is None


def test_what_a_retired_sister_was_seen_to_change_still_tells_which_is_the_newer(administrator: User) -> None:
    old, new = issue(), issue(begins=0)
    for address in (BEHIND, AHEAD):
        look(old, NOW - HOUR, address)
    for address in (AHEAD, THIRD):
        look(new, NOW, address)
    retire_endpoint(node(AHEAD), "Gone.", actor=administrator, now=NOW + HOUR)
    judge(NOW + HOUR)
    found = verdict(RULE, node(BEHIND), NOW + HOUR)
    assert isinstance(found, Bad)
    assert found.sentence.startswith("1 of 2 nodes")
