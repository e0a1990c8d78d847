"""Chains as real servers send them: cross-signed, with a root, through an authority that ends, or trusted by choice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inventory.models import TrustStore
from inventory.services import keep_trust_store
from lab import pki
from lab.pki import Authority, Issued
from policy.models import Finding
from policy.rules import Good, NotApplicable, NotJudged
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
# The same authority, by name and key, as it was certified before: its first certificate ended yesterday.
BEFORE = ROOT.intermediate("Example Issuing", key=BELOW.key, not_after=NOW - DAY)
OLDER = Authority.make("Older Root", seed=12, not_after=NOW - 100 * DAY)
CROSS = OLDER.intermediate(ROOT.name, key=ROOT.key)


def below(*chain: bytes, by: Authority = BELOW, days: float = 80) -> Issued:
    """A certificate of an authority below the root, followed by this chain."""
    issued = by.issue(["www.example.org"], not_before=NOW - 10 * DAY, not_after=NOW + days * DAY)
    return replace(issued, chain=chain)


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param((BELOW.der,), id="as it should be"),
        pytest.param((BELOW.der, ROOT.der), id="with the root"),
        pytest.param((BELOW.der, CROSS.der), id="with the root signed by an older, expired one"),
        pytest.param((BELOW.der, CROSS.der, OLDER.der), id="with the older, expired root"),
        pytest.param((BEFORE.der, BELOW.der), id="with an expired certificate of its issuer before the new one"),
        pytest.param((BELOW.der, BEFORE.der), id="with an expired certificate of its issuer after the new one"),
    ],
)
def test_a_chain_that_clients_follow_is_no_fault(chain: tuple[bytes, ...]) -> None:
    trust_root()
    look(below(*chain), NOW)
    judge(NOW)
    assert open_rules(node()) == set()


def test_an_old_root_may_be_the_one_that_is_trusted() -> None:
    older = Authority.make("Older Root", seed=12)
    TrustStore.objects.create(name="Old", pem=older.pem, added_at=NOW)
    look(below(BELOW.der, older.intermediate(ROOT.name, key=ROOT.key).der), NOW)
    judge(NOW)
    assert open_rules(node()) == set()


def test_a_missing_issuer_that_is_known_is_one_finding_even_where_nothing_says_where_to_get_it() -> None:
    trust_root()
    look(below(BELOW.der), NOW, address="192.0.2.2", name="other.example.org")
    look(below(), NOW)
    judge(NOW)
    assert open_rules(node()) == {"incomplete_chain"}
    assert verdict("untrusted_path", node(), NOW) == NotApplicable("overtaken")


def test_a_missing_issuer_of_which_nothing_is_known_may_be_a_root_and_is_one_finding() -> None:
    look(below(), NOW)
    judge(NOW)
    assert open_rules(node()) == {"untrusted_path"}
    told = "Its chain ends at Example Issuing, which was not sent and is in no trust store."
    assert finding("untrusted_path", node()).sentence == told
    assert verdict("incomplete_chain", node(), NOW) == NotJudged(
        "Example Issuing was not sent and is not known here, so nobody can say whether it is a root.",
    )


def test_a_missing_issuer_is_judged_again_when_another_server_sends_it() -> None:
    trust_root()
    look(below(), NOW)
    judge(NOW)
    look(below(BELOW.der), NOW + HOUR, address="192.0.2.2", name="other.example.org")
    judge(NOW + HOUR)
    assert open_rules(node()) == {"incomplete_chain"}


def test_a_root_that_was_rightly_not_sent_is_not_missing_where_nobody_trusts_it() -> None:
    look(below(BELOW.der), NOW)
    judge(NOW)
    assert open_rules(node()) == {"untrusted_path"}
    look(below(BELOW.der, ROOT.der), NOW + HOUR, address="192.0.2.2", name="other.example.org")
    look(replace(issue(), chain=()), NOW + HOUR, address="192.0.2.3", name="third.example.org")
    judge(NOW + 2 * DAY)
    look(below(BELOW.der), NOW + 2 * DAY)
    judge(NOW + 2 * DAY)
    assert open_rules(node()) == {"untrusted_path"}
    told = "Its chain ends at Example Root, a root that is in no trust store."
    assert finding("untrusted_path", node()).sentence == told
    assert verdict("incomplete_chain", node(), NOW + 2 * DAY) == Good(changes_at=None)


def test_a_root_that_another_one_signed_is_missing_where_that_one_is_trusted() -> None:
    older = Authority.make("Older Root", seed=12)
    TrustStore.objects.create(name="Old", pem=older.pem, added_at=NOW)
    cross = older.intermediate(ROOT.name, key=ROOT.key)
    look(below(BELOW.der, cross.der, ROOT.der), NOW, address="192.0.2.2", name="other.example.org")
    look(below(BELOW.der), NOW)
    judge(NOW)
    assert open_rules(node()) == {"incomplete_chain"}


def test_an_expired_issuer_breaks_the_path_although_the_certificate_is_in_date() -> None:
    trust_root()
    look(below(BEFORE.der), NOW)
    judge(NOW)
    assert open_rules(node()) == {"untrusted_path"}
    assert finding("untrusted_path", node()).sentence == "Example Issuing, which is on the path, ended on 2026-11-22."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"digest": "sha1"}, "Example Issuing, which is on the path, is signed with RSA with SHA-1."),
        ({"key": "rsa1024"}, "The RSA key of Example Issuing, which is on the path, has only 1,024 bits."),
    ],
)
def test_an_issuer_that_clients_refuse_breaks_the_path_unless_there_is_another(
    options: dict[str, Any], sentence: str
) -> None:
    root = Authority.make("Old House", seed=13, key="rsa2048")
    TrustStore.objects.create(name="Old House", pem=root.pem, added_at=NOW)
    weak = root.intermediate("Example Issuing", **options)
    look(below(weak.der, by=weak), NOW)
    judge(NOW)
    assert finding("untrusted_path", node()).sentence == sentence
    strong = root.intermediate("Example Issuing", key=weak.key)
    look(below(weak.der, strong.der, by=weak), NOW + HOUR)
    judge(NOW + HOUR)
    assert ("untrusted_path" in open_rules(node())) == ("key" in options)


def test_a_path_is_judged_again_at_the_moment_at_which_its_issuer_ends() -> None:
    trust_root()
    ending = ROOT.intermediate("Ending Issuing", not_after=NOW + HOUR)
    look(below(ending.der, by=ending), NOW)
    judge(NOW)
    assert open_rules(node()) == set()
    at = node().judge_at
    assert at is not None
    assert NOW + HOUR < at < NOW + 2 * HOUR
    judge(at)
    assert open_rules(node()) == {"untrusted_path"}


def test_a_certificate_that_is_sent_twice_is_not_called_a_stranger() -> None:
    trust_root()
    sent = below(BELOW.der)
    look(replace(sent, chain=(sent.der, BELOW.der)), NOW)
    judge(NOW)
    told = finding("superfluous_chain", node())
    assert told.sentence == "Sent without need: www.example.org (it was sent before)."


def test_a_self_signed_server_is_one_finding_of_its_certificate() -> None:
    trust_root()
    alone = pki.self_signed(["www.example.org"], not_before=NOW - DAY, not_after=NOW + 80 * DAY)
    look(alone, NOW)
    judge(NOW)
    assert open_rules(row(alone)) - {"ownerless"} == {"self_signed"}
    assert open_rules(node()) == set()
    assert verdict("untrusted_path", node(), NOW) == NotApplicable("overtaken")


def test_a_server_that_became_self_signed_is_no_longer_untrusted_as_well() -> None:
    trust_root()
    stranger = Authority.make("Somebody", seed=3)
    untrusted = stranger.issue(["www.example.org"], not_before=NOW - DAY, not_after=NOW + 80 * DAY)
    look(replace(untrusted, chain=(stranger.der,)), NOW)
    judge(NOW)
    assert open_rules(node()) == {"untrusted_path"}
    look(pki.self_signed(["www.example.org"], not_before=NOW, not_after=NOW + 80 * DAY), NOW + HOUR)
    judge(NOW + HOUR)
    assert finding("untrusted_path", node()).closing == "overtaken"


def test_an_authority_of_the_house_is_trusted_as_soon_as_it_is_added() -> None:
    look(replace(issue(), chain=(ROOT.der,)), NOW)
    judge(NOW)
    assert open_rules(node()) == {"untrusted_path"}
    keep_trust_store("Example", ROOT.pem, actor=None, now=NOW + HOUR)
    judge(NOW + HOUR)
    assert not Finding.objects.open().filter(rule="untrusted_path").exists()


def test_bytes_that_are_no_certificate_are_not_judged_and_never_good() -> None:
    trust_root()
    look(replace(issue(), der=b"\x30\x03\x02\x01\x05", chain=()), NOW)
    judge(NOW)
    assert open_rules(node()) == set()
    assert verdict("incomplete_chain", node(), NOW) == NotJudged(
        "The first certificate that was sent could not be read."
    )
    assert verdict("wrong_name", node(), NOW) == NotJudged("The names in its certificate could not be read.")
