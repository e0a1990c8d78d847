"""Whose an unowned thing probably is: what weighs how much, and what two teams do to each other's chances."""

from __future__ import annotations

import pytest

from inventory.ownership import Clue, Confidence, Hint, above, suggest, tally
from inventory.ownership.suggestions import WEIGHTS, WORDS

WEB, PAYMENTS, MAIL, DATA = 1, 2, 3, 4


def said(*hints: Hint) -> list[tuple[int, str]]:
    return [(one.team, one.confidence.value) for one in suggest(hints)]


@pytest.mark.parametrize(
    ("clue", "confidence"),
    [
        (Clue.NAMES, "high"),
        (Clue.KEY, "high"),
        (Clue.PLACE, "high"),
        (Clue.NAME, "medium"),
        (Clue.PARENT, "medium"),
        (Clue.IMPORTED, "medium"),
        (Clue.SUBNET, "low"),
        (Clue.DOMAIN, "low"),
        (Clue.ASKED, "low"),
    ],
)
def test_one_clue_alone_goes_as_far_as_it_proves(clue: Clue, confidence: str) -> None:
    assert said(Hint(WEB, clue)) == [(WEB, confidence)]


def test_every_clue_has_a_weight_below_certainty_and_words() -> None:
    assert set(WEIGHTS) == set(WORDS) == set(Clue)
    assert all(0 < weight < 1 for weight in WEIGHTS.values())


def test_weak_clues_add_up() -> None:
    weak = [Hint(WEB, Clue.SUBNET), Hint(WEB, Clue.DOMAIN), Hint(WEB, Clue.ASKED)]
    (one,) = suggest(weak)
    assert one.confidence == Confidence.MEDIUM
    assert one.score == pytest.approx(1 - 0.65 * 0.65 * 0.75)


def test_the_same_clue_twice_does_not_count_twice() -> None:
    assert suggest([Hint(WEB, Clue.DOMAIN)] * 5)[0].score == pytest.approx(WEIGHTS[Clue.DOMAIN])


def test_a_clue_that_speaks_for_several_teams_speaks_for_each_by_its_share() -> None:
    hints = tally(Clue.NAMES, [(WEB, "b"), (WEB, "a"), (WEB, "c"), (PAYMENTS, "d")])
    assert hints == [Hint(WEB, Clue.NAMES, "a", 3, 4), Hint(PAYMENTS, Clue.NAMES, "d", 1, 4)]
    assert said(*hints) == [(WEB, "medium"), (PAYMENTS, "low")]
    assert suggest(hints)[0].reason == "It has the same names as a of theirs (3 of 4)"


def test_two_teams_that_are_equally_likely_are_both_not_sure() -> None:
    assert said(Hint(WEB, Clue.NAMES), Hint(PAYMENTS, Clue.KEY)) == [(WEB, "medium"), (PAYMENTS, "medium")]


def test_three_teams_at_most_and_none_for_next_to_nothing() -> None:
    hints = [Hint(team, Clue.SUBNET, "", 1, 3) for team in (DATA, MAIL, WEB, PAYMENTS)]
    assert said(*hints) == [(WEB, "low"), (PAYMENTS, "low"), (MAIL, "low")]
    assert suggest([Hint(WEB, Clue.SUBNET, "", 1, 50)]) == []
    assert suggest([Hint(WEB, Clue.SUBNET, "", 0, 0)]) == []
    assert suggest([]) == []


def test_the_reason_names_the_two_strongest_hints() -> None:
    hints = [
        Hint(WEB, Clue.ASKED, "Olga"),
        Hint(WEB, Clue.DOMAIN, "example.org"),
        Hint(WEB, Clue.KEY, "www.example.org"),
    ]
    assert suggest(hints)[0].reason == (
        "It has the same key as www.example.org of theirs; they own certificates under example.org"
    )


def test_a_brace_in_a_name_is_a_brace() -> None:
    assert Hint(WEB, Clue.KEY, "{0}{team}").words == "it has the same key as {0}{team} of theirs"


@pytest.mark.parametrize(
    ("name", "domain", "names"),
    [
        ("a.b.example.org", "example.org", ["b.example.org", "*.b.example.org", "example.org", "*.example.org"]),
        ("*.b.example.org", "example.org", ["example.org", "*.example.org"]),
        ("example.org", "example.org", []),
        ("*.example.org", "example.org", []),
        ("notexample.org", "example.org", []),
        ("localhost", "", []),
    ],
)
def test_names_above_a_name_end_at_what_was_registered(name: str, domain: str, names: list[str]) -> None:
    assert above(name, domain) == names
