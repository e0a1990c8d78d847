"""A server that has one certificate for RSA and one for ECDSA clients: each is judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.models import Risk, ServedChain
from policy.models import Finding
from policy.rules import Bad, Good, NotJudged
from tests.conftest import NOW
from tests.policy.looks import (
    DAY,
    HOUR,
    ROOT,
    finding,
    issue,
    judge,
    look,
    node,
    open_rules,
    row,
    trust_root,
    verdict,
)

pytestmark = pytest.mark.django_db
BELOW = ROOT.intermediate("Example Issuing")
ECDSA = BELOW.issue(["www.example.org"], not_before=NOW - 10 * DAY, not_after=NOW + 80 * DAY)
RSA = BELOW.issue(["www.example.org"], key="rsa2048", not_before=NOW - 12 * DAY, not_after=NOW + 78 * DAY)
ALONE = replace(RSA, chain=())


@pytest.fixture(autouse=True)
def _trusted() -> None:
    trust_root()


def test_two_sound_certificates_are_no_fault() -> None:
    look(ECDSA, NOW, rsa=RSA)
    judge(NOW)
    assert open_rules(node()) == set()


def test_a_chain_that_only_rsa_clients_get_is_judged_and_the_sentence_says_so() -> None:
    look(ECDSA, NOW, rsa=ALONE)
    judge(NOW)
    assert open_rules(node()) == {"incomplete_chain"}
    told = finding("incomplete_chain", node())
    assert told.sentence == "For clients that ask for RSA: It does not send Example Issuing."
    assert told.evidence == {"missing, for clients that ask for RSA": "Example Issuing"}


def test_both_certificates_of_an_endpoint_carry_its_risks() -> None:
    look(ECDSA, NOW, rsa=ALONE)
    judge(NOW)
    risks = Risk.objects.filter(code="incomplete_chain").values_list("certificate__sha256", flat=True)
    assert set(risks) == {row(ECDSA).sha256, row(RSA).sha256}
    look(ECDSA, NOW + HOUR, rsa=RSA)
    judge(NOW + HOUR)
    assert not Risk.objects.filter(code="incomplete_chain").exists()


def test_what_is_wrong_for_everybody_is_said_once() -> None:
    look(ECDSA, NOW, address="192.0.2.2", name="other.example.org")
    look(replace(ECDSA, chain=()), NOW, rsa=ALONE)
    judge(NOW)
    assert finding("incomplete_chain", node()).sentence == "It does not send Example Issuing."


def test_each_wrong_name_is_told() -> None:
    look(issue("a.example.org"), NOW, rsa=issue("b.example.org", key=RSA.key))
    judge(NOW)
    sentence = finding("wrong_name", node()).sentence
    assert "Asked for www.example.org, it sends a certificate for a.example.org." in sentence
    assert (
        "For clients that ask for RSA: Asked for www.example.org, it sends a certificate for b.example.org." in sentence
    )


def test_the_key_of_each_certificate_is_judged() -> None:
    look(ECDSA, NOW, rsa=(weak := issue(key="rsa1024")))
    judge(NOW)
    assert "weak_key" in open_rules(row(weak))


def test_the_fault_is_open_while_rsa_clients_get_no_answer_and_closes_when_they_get_a_better_one() -> None:
    look(ECDSA, NOW, rsa=ALONE)
    judge(NOW)
    look(ECDSA, NOW + DAY)
    judge(NOW + DAY)
    assert open_rules(node()) == {"incomplete_chain"}
    look(ECDSA, NOW + DAY + HOUR, rsa=RSA)
    judge(NOW + DAY + HOUR)
    assert finding("incomplete_chain", node()).closing == "observed"


def test_what_was_not_seen_for_rsa_clients_for_long_is_neither_good_nor_bad() -> None:
    look(ECDSA, NOW, rsa=RSA)
    ServedChain.objects.filter(variant="rsa").update(observed_at=NOW - 2 * DAY)
    found = verdict("incomplete_chain", node(), NOW)
    assert isinstance(found, NotJudged)
    assert found.reason == (
        "For clients that ask for RSA: What it sends was last seen on 21 November 2026 at 09:41 UTC, and did not come "
        "again; that is too long ago to judge by."
    )


def test_an_older_look_at_one_kind_of_client_says_when_it_becomes_too_old() -> None:
    look(ECDSA, NOW, rsa=RSA)
    ServedChain.objects.filter(variant="rsa").update(observed_at=NOW - DAY)
    assert verdict("incomplete_chain", node(), NOW) == Good(changes_at=NOW + DAY)


def test_an_rsa_certificate_that_is_older_than_the_ecdsa_one_was_not_left_behind() -> None:
    look(ECDSA, NOW, "192.0.2.1", rsa=RSA)
    look(ECDSA, NOW, "192.0.2.2", rsa=RSA)
    look(RSA, NOW, "192.0.2.3")
    judge(NOW)
    assert not Finding.objects.filter(rule="not_same_everywhere").exists()


def test_a_forgotten_rsa_certificate_was_left_behind() -> None:
    renewed = issue(key=RSA.key, begins=-1)
    look(ECDSA, NOW, "192.0.2.1", rsa=RSA)
    look(ECDSA, NOW, "192.0.2.2", rsa=renewed)
    judge(NOW)
    told = finding("not_same_everywhere", node("192.0.2.1"))
    assert told.sentence.startswith("For clients that ask for RSA: 1 of 2 nodes already serve")
    assert "not_same_everywhere" not in open_rules(node("192.0.2.2"))


def test_who_did_not_follow_from_rsa_to_ecdsa_was_left_behind() -> None:
    look(RSA, NOW, "192.0.2.1")
    look(RSA, NOW - HOUR, "192.0.2.2")
    look(ECDSA, NOW, "192.0.2.2")
    judge(NOW)
    assert isinstance(verdict("not_same_everywhere", node("192.0.2.1"), NOW), Bad)
    assert isinstance(verdict("not_same_everywhere", node("192.0.2.2"), NOW), Good)


def test_nobody_says_good_of_what_only_half_was_looked_at_lately() -> None:
    look(ECDSA, NOW, rsa=RSA)
    moment = NOW + timedelta(hours=47)
    look(ECDSA, moment)
    judge(moment)
    assert isinstance(verdict("wrong_name", node(), moment), Good)
    assert isinstance(verdict("wrong_name", node(), moment + HOUR), NotJudged)
