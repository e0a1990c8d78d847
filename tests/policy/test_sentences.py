"""What the rules say of a certificate or an endpoint is what was seen, in words for somebody who is tired."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from policy.rules import CERTIFICATE_RULES, ENDPOINT_RULES, Bad, Good, NotApplicable, NotJudged, Severity, Verdict
from policy.rules.certificates import presence as certificate_presence
from policy.rules.endpoints import presence as endpoint_presence
from policy.rules.presence import REASONS
from tests.policy.test_rules import CERTIFICATE, DAY, ENDPOINT, NOW, UNREAD_CERTIFICATES, UNREAD_ENDPOINTS

UNUSED: dict[str, Any] = {"nodes_serving": 0, "served_ever": False}
MINUTE = timedelta(minutes=1)


def of_certificate(rule: str, **facts: Any) -> Verdict:
    return CERTIFICATE_RULES[rule](replace(CERTIFICATE, **facts), NOW)


def bad(rule: str, **facts: Any) -> Bad:
    verdict = of_certificate(rule, **facts)
    assert isinstance(verdict, Bad)
    return verdict


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("expired", {"not_after": NOW - DAY}),
        ("expiring", {"expiring_from": NOW - DAY}),
        ("expiring", {"expiring_from": NOW - DAY, "urgent_from": NOW - DAY}),
        ("not_yet_valid", {"not_before": NOW + DAY}),
    ],
)
def test_the_dates_of_a_certificate_that_was_never_in_use_are_hardly_urgent(rule: str, facts: dict[str, Any]) -> None:
    never = bad(rule, **facts, **UNUSED)
    assert never.severity is Severity.LOW
    assert never.sentence.endswith("; it was never seen in use.")
    assert bad(rule, **facts).severity is not Severity.LOW


@pytest.mark.parametrize(("left", "severity"), [(20, None), (3, Severity.HIGH)])
def test_the_last_days_of_a_certificate_in_use_are_urgent(left: int, severity: Severity | None) -> None:
    facts = {"not_after": NOW + left * DAY, "expiring_from": NOW - DAY, "urgent_from": NOW + (left - 14) * DAY}
    assert bad("expiring", **facts).severity is severity


def test_one_that_was_in_use_and_is_not_now_is_no_question_however_it_ends() -> None:
    facts = replace(CERTIFICATE, not_after=NOW - DAY, nodes_serving=0)
    assert certificate_presence(facts) == NotApplicable("replaced")


def test_what_expires_says_on_which_day() -> None:
    facts = {"not_after": NOW + 3 * DAY, "expiring_from": NOW - DAY, "urgent_from": NOW - DAY}
    assert bad("expiring", **facts).sentence == "It ends on 26 November 2026."
    assert bad("expiring", **facts, **UNUSED).sentence == "It ends on 26 November 2026; it was never seen in use."


@pytest.mark.parametrize("facts", [{}, UNUSED, {"nodes_last_known": 1}, {"last_seen_at": NOW - 11 * DAY}])
@pytest.mark.parametrize(
    ("rule", "dates"),
    [
        ("expired", {"not_after": NOW - 10 * DAY}),
        ("expiring", {"expiring_from": NOW - DAY}),
        ("not_yet_valid", {"not_before": NOW + 80 * DAY}),
    ],
)
def test_a_sentence_that_is_kept_says_the_same_on_every_day(
    rule: str, dates: dict[str, Any], facts: dict[str, Any]
) -> None:
    certificate = replace(CERTIFICATE, **dates, **facts)
    told = [CERTIFICATE_RULES[rule](certificate, NOW + day * DAY) for day in range(60)]
    assert len({verdict.sentence for verdict in told if isinstance(verdict, Bad)}) == 1


@pytest.mark.parametrize(
    ("seen", "silent", "words"),
    [
        (NOW - MINUTE, 0, "It expired on 13 November 2026 and is still served on 2 nodes."),
        (
            NOW - MINUTE,
            1,
            "It expired on 13 November 2026 and is still served on 1 node; 1 node more gave no answer since.",
        ),
        (
            NOW - 11 * DAY,
            0,
            "It expired on 13 November 2026; 2 nodes served it before that, and no look has shown it since.",
        ),
    ],
)
def test_a_look_from_before_the_end_does_not_show_that_it_is_still_served(
    seen: datetime, silent: int, words: str
) -> None:
    told = bad("expired", not_after=NOW - 10 * DAY, last_seen_at=seen, nodes_last_known=silent)
    assert told.sentence == words


def test_a_certificate_that_begins_in_a_moment_is_not_bad_because_clocks_differ() -> None:
    begins = NOW + 3 * MINUTE
    assert of_certificate("not_yet_valid", not_before=begins) == NotJudged(
        "It begins at 09:44:00 UTC; clocks may differ by the minutes that are missing.", begins
    )
    assert isinstance(of_certificate("not_yet_valid", not_before=NOW + 6 * MINUTE), Bad)


def test_dates_in_the_wrong_order_have_no_lifetime_and_expire_all_the_same() -> None:
    inverted = {"not_before": NOW - DAY, "expiring_from": None, "urgent_from": None}
    assert isinstance(of_certificate("expiring", not_after=NOW + DAY, **inverted), NotJudged)
    assert of_certificate("expiring", not_after=NOW - 2 * DAY, **inverted) == NotApplicable("overtaken")


@pytest.mark.parametrize(
    ("named", "elsewhere", "others"),
    [
        (("a",), 0, "a"),
        (("a", "b", "c", "d"), 0, "a, b, c and 1 more"),
        ((), 1, "a certificate of another team"),
        (("a",), 2, "a and 2 certificates of other teams"),
    ],
)
def test_who_else_has_the_key_is_named_or_counted(named: tuple[str, ...], elsewhere: int, others: str) -> None:
    told = bad("key_reuse", key_shared_with=named, key_shared_elsewhere=elsewhere)
    assert told.sentence == f"Its key is also used by {others}."


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"served": False, "tried": False}, "Nobody has looked at it yet."),
        (
            {"served": False, "reason": "refused", "seen_at": None},
            "The last look brought no certificate: the connection was refused. None has ever come.",
        ),
        (
            {"served": False, "reason": "silent"},
            "The last look brought no certificate: nothing answered. The last one came on 22 November 2026 at 09:41 "
            "UTC.",
        ),
        (
            {"stale_from": NOW},
            "Its last answer is of 22 November 2026 at 09:41 UTC. Nobody has looked since, so it is too old to judge "
            "by.",
        ),
    ],
)
def test_an_endpoint_without_evidence_says_what_is_missing(facts: dict[str, Any], sentence: str) -> None:
    assert endpoint_presence(replace(ENDPOINT, **facts), NOW) == NotJudged(sentence)


@pytest.mark.parametrize("reason", [*REASONS, "", "something_new"])
def test_every_reason_makes_a_sentence(reason: str) -> None:
    told = endpoint_presence(replace(ENDPOINT, served=False, reason=reason), NOW)
    assert isinstance(told, NotJudged)
    assert _is_a_sentence(told.reason)


def test_every_rule_that_cannot_be_judged_says_why_in_a_sentence() -> None:
    reasons = [of_certificate(rule, **facts) for rule, facts in UNREAD_CERTIFICATES.items()]
    reasons += [ENDPOINT_RULES[rule](replace(ENDPOINT, **facts), NOW) for rule, facts in UNREAD_ENDPOINTS.items()]
    assert not [told for told in reasons if not isinstance(told, NotJudged) or not _is_a_sentence(told.reason)]


def test_nothing_is_good_where_there_is_nothing() -> None:
    nothing = replace(ENDPOINT, sent=())
    assert isinstance(endpoint_presence(nothing, NOW), NotJudged)
    assert isinstance(endpoint_presence(replace(nothing, retired=True), NOW), NotApplicable)
    assert isinstance(ENDPOINT_RULES["wrong_name"](ENDPOINT, NOW), Good)


def _is_a_sentence(text: str) -> bool:
    return text[0].isupper() and text.endswith(".") and "_" not in text and ".." not in text
