"""Names as clients compare them: as they were signed, and only against a name that somebody knows."""

from __future__ import annotations

import pytest
from cryptography import x509

from inventory.services.facts import NAMES_AT_MOST
from policy.rules import Bad, Good, NotJudged
from tests.conftest import NOW
from tests.policy.looks import issue, judge, look, node, open_rules, trust_root, verdict

pytestmark = pytest.mark.django_db
BUECHER = "xn--bcher-kva.example"


def as_signed(name: str) -> x509.DNSName:
    """A name that no builder agrees to sign."""
    return x509.DNSName._init_without_validation(name)


@pytest.mark.parametrize(
    ("signed", "asked"),
    [
        ("WWW.Example.ORG", "www.example.org"),
        ("*.example.org", "www.example.org"),
        (BUECHER, BUECHER),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_name_is_matched_as_clients_match_it(signed: str, asked: str) -> None:
    trust_root()
    look(issue(signed), NOW, name=asked)
    judge(NOW)
    assert open_rules(node()) == set()


@pytest.mark.parametrize(
    ("signed", "asked"),
    [
        ("www.example.org.", "www.example.org"),
        ("*.example.org.", "www.example.org"),
        ("w*.example.org", "www.example.org"),
        ("*.example.org", "example.org"),
        ("*.example.org", "a.b.example.org"),
        ("10.0.0.1", "10.0.0.2"),
    ],
)
def test_what_clients_refuse_is_a_wrong_name(signed: str, asked: str) -> None:
    trust_root()
    look(issue(signed), NOW, name=asked)
    judge(NOW)
    assert open_rules(node()) == {"wrong_name"}


def test_a_name_that_only_looks_right_is_explained() -> None:
    look(issue("www.example.org."), NOW)
    found = verdict("wrong_name", node(), NOW)
    assert isinstance(found, Bad)
    assert found.sentence == (
        "Asked for www.example.org, it sends a certificate for “www.example.org.”, which clients do not recognise."
    )
    assert found.evidence["why"].startswith("“www.example.org.” is not written as clients compare it")


@pytest.mark.parametrize("signed", ["bücher.example", "BÜCHER.example", "\u212aiosk.example"])
def test_letters_of_other_scripts_are_not_what_clients_ask_for(signed: str) -> None:
    asked = "kiosk.example" if signed.startswith("\u212a") else BUECHER
    look(issue(as_signed(signed)), NOW, name=asked)
    assert isinstance(verdict("wrong_name", node(), NOW), Bad)


def test_the_common_name_does_not_count() -> None:
    look(issue(as_signed("other.example.org"), subject="www.example.org"), NOW)
    assert isinstance(verdict("wrong_name", node(), NOW), Bad)


def test_an_endpoint_that_is_known_by_its_address_alone_is_not_judged_by_names() -> None:
    look(issue("www.example.org"), NOW, name="")
    assert verdict("wrong_name", node(), NOW) == NotJudged(
        "The name under which clients ask for it is not known; it was found by its address alone."
    )


def test_more_names_than_are_kept_are_judged_by_those_that_are_and_never_bad() -> None:
    many = issue(*(f"n{number}.example.org" for number in range(NAMES_AT_MOST + 1)))
    look(many, NOW, "192.0.2.1", "n7.example.org")
    look(many, NOW, "192.0.2.2", f"n{NAMES_AT_MOST}.example.org")
    assert isinstance(verdict("wrong_name", node("192.0.2.1"), NOW), Good)
    assert verdict("wrong_name", node("192.0.2.2"), NOW) == NotJudged(
        "Its certificate has 5,001 names, of which 5,000 are kept here; n5000.example.org is not among those."
    )
