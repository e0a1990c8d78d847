"""A rule has one title, wherever it is named, and each reason for silence has words of its own."""

from __future__ import annotations

import pytest

from discovery.probe import Reason
from inventory.filters import risk_words
from policy.rules import CATALOGUE, ENDPOINT_RULES
from policy.rules.presence import REASONS


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_lists_call_a_risk_by_the_title_of_its_rule(code: str) -> None:
    assert risk_words(code) == CATALOGUE[code].title


def test_a_risk_of_a_rule_that_is_gone_is_shown_as_it_is_written() -> None:
    assert risk_words("left_over") == "Left over"


def test_every_reason_of_a_probe_is_said_in_words() -> None:
    assert set(REASONS) == set(Reason)
    assert len(set(REASONS.values())) == len(REASONS)
    assert not [words for words in REASONS.values() if words.endswith(".") or words[0].isupper()]


def test_every_rule_of_an_endpoint_is_about_an_endpoint() -> None:
    assert {code for code, rule in CATALOGUE.items() if rule.subject == "endpoint"} == set(ENDPOINT_RULES)
