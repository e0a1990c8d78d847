"""Who was left behind, and who has a certificate of its own: the same sight, told apart by what is seen of its past."""

from __future__ import annotations

from datetime import datetime

import pytest

from lab.pki import Issued
from policy.models import Finding
from policy.rules import Bad, Good, NotJudged, Verdict
from tests.conftest import NOW
from tests.policy.looks import DAY, HOUR, finding, issue, judge, look, node, open_rules, verdict

RULE = "not_same_everywhere"
FIRST, SECOND, THIRD = "192.0.2.1", "192.0.2.2", "192.0.2.3"
pytestmark = pytest.mark.django_db


def told(address: str, at: datetime = NOW) -> Verdict:
    return verdict(RULE, node(address), at)


def serve(*issued: Issued, at: datetime = NOW) -> None:
    """One look at each node, in the order of their addresses."""
    for n, one in enumerate(issued, 1):
        look(one, at, f"192.0.2.{n}")


def test_nodes_with_certificates_of_their_own_are_not_left_behind_by_each_other() -> None:
    serve(issue(begins=-12, ends=78), issue(begins=-11, ends=79), issue(begins=-10, ends=80))
    judge(NOW)
    assert not Finding.objects.filter(rule=RULE).exists()
    assert [told(address) for address in (FIRST, SECOND, THIRD)] == [Good(), Good(), Good()]


def test_nodes_that_renew_certificates_of_their_own_on_days_of_their_own_are_not_left_behind() -> None:
    first, second, third = issue(begins=-60, ends=30), issue(begins=-40, ends=50), issue(begins=-20, ends=70)
    serve(first, second, third)
    judge(NOW)
    renewed = issue(begins=0, ends=90)
    serve(renewed, second, third, at=NOW + HOUR)
    judge(NOW + HOUR)
    again = issue(begins=20, ends=110)
    serve(renewed, again, third, at=NOW + 20 * DAY)
    judge(NOW + 20 * DAY)
    assert not Finding.objects.filter(rule=RULE).exists()


def test_who_still_serves_what_another_gave_up_was_left_behind_however_new_it_is() -> None:
    old, other = issue(begins=-2, ends=88), issue(begins=-1, ends=89)
    serve(old, old, other)
    serve(old, issue(begins=0, ends=90), other, at=NOW + HOUR)
    judge(NOW + HOUR)
    behind = finding(RULE, node(FIRST))
    assert behind.evidence["how we know"] == "a node that sent this certificate sent the newer one after it"
    assert RULE not in open_rules(node(SECOND)) | open_rules(node(THIRD))


def test_who_was_passed_by_twice_was_left_behind() -> None:
    old = issue()
    serve(old, old)
    serve(old, issue(begins=-5), at=NOW + HOUR)
    serve(old, issue(begins=-1), at=NOW + 2 * HOUR)
    assert isinstance(told(FIRST, NOW + 2 * HOUR), Bad)


def test_a_balancer_or_a_renewal_that_was_rolled_back_and_repeated_proves_nothing_and_is_not_called_good() -> None:
    one, other = issue(begins=-10), issue(begins=-5)
    for hours, shown in enumerate((one, other, one, other)):
        serve(one, shown, at=NOW + hours * HOUR)
    told_then = told(FIRST, NOW + 3 * HOUR)
    assert isinstance(told_then, NotJudged)
    assert told_then.reason.startswith("A node sent now this certificate, now a newer one")


def test_who_goes_back_while_the_others_stay_is_told() -> None:
    old, new = issue(), issue(begins=0)
    for hours, first in enumerate((old, new, old)):
        serve(first, old if hours == 0 else new, at=NOW + hours * HOUR)
    assert isinstance(told(FIRST, NOW + 2 * HOUR), Bad)


def test_a_later_certificate_with_the_same_key_is_the_renewal() -> None:
    serve(first := issue(), issue(begins=-1, key=first.key))
    found = told(FIRST)
    assert isinstance(found, Bad)
    assert found.evidence["how we know"] == "the newer one has the same key"


def test_at_first_sight_who_is_late_for_a_renewal_that_another_has_made_was_left_behind() -> None:
    serve(issue(begins=-85, ends=5), issue(begins=-20, ends=70))
    assert isinstance(told(FIRST), Bad)
    assert told(SECOND) == Good()


def test_who_has_time_left_is_not_late_and_is_asked_again_when_it_will_be() -> None:
    pair = issue(begins=-65, ends=25), issue(begins=-4, ends=86)
    serve(*pair)
    late = NOW + 11 * DAY
    assert told(FIRST) == Good(changes_at=late)
    serve(*pair, at=late)
    assert isinstance(told(FIRST, late), Bad)


def test_a_renewal_that_came_before_the_other_was_due_is_not_what_it_missed() -> None:
    serve(issue(begins=-85, ends=5), issue(begins=-40, ends=50))
    assert told(FIRST) == Good()


def test_where_most_nodes_share_a_newer_certificate_nobody_can_say_without_having_seen_the_change() -> None:
    new = issue(begins=-1)
    serve(issue(), new, new)
    assert told(FIRST) == NotJudged(
        "Most nodes serve a newer certificate, and no look has shown that it came in the place of this one."
    )
    judge(NOW)
    assert not Finding.objects.filter(rule=RULE).exists()
