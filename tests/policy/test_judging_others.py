"""What one row's answer, and what people decide, does to other rows."""

from __future__ import annotations

import pytest

from accounts.models import Team, User
from inventory.services import assign_owner, keep_trust_store, retire_endpoint, unretire_endpoint
from policy.models import Finding
from tests.conftest import NOW
from tests.policy.looks import HOUR, ROOT, finding, issue, judge, look, node, open_rules, row, trust_root

pytestmark = pytest.mark.django_db


def test_a_shared_key_is_told_of_every_certificate_that_has_it() -> None:
    look(first := issue("a.example.org"), NOW, "192.0.2.1", "a.example.org")
    judge(NOW)
    assert "key_reuse" not in open_rules(row(first))
    look(second := issue("b.example.org", key=first.key), NOW + HOUR, "192.0.2.2", "b.example.org")
    judge(NOW + HOUR)
    for issued, other in ((first, "b.example.org"), (second, "a.example.org")):
        shared = finding("key_reuse", row(issued))
        assert shared.sentence == f"Its key is also used by {other}."
    look(issue("b.example.org", begins=0), NOW + 2 * HOUR, "192.0.2.2", "b.example.org")
    judge(NOW + 2 * HOUR)
    assert "key_reuse" not in open_rules(row(first))


def test_who_shares_a_key_is_told_anew_when_the_other_changes_hands(
    web_team: Team, other_team: Team, administrator: User
) -> None:
    look(first := issue("a.example.org"), NOW, "192.0.2.1", "a.example.org")
    look(second := issue("b.example.org", key=first.key), NOW, "192.0.2.2", "b.example.org")
    assign_owner([row(first).pk, row(second).pk], web_team, None, "Theirs.", actor=administrator, now=NOW)
    judge(NOW)
    assert finding("key_reuse", row(first)).sentence == "Its key is also used by b.example.org."
    assign_owner([row(second).pk], other_team, None, "Sold.", actor=administrator, now=NOW + HOUR)
    judge(NOW + HOUR)
    assert finding("key_reuse", row(first)).sentence == "Its key is also used by a certificate of another team."


def test_a_renewal_with_the_same_key_and_names_is_no_sharing() -> None:
    look(first := issue(), NOW)
    look(issue(begins=0, key=first.key), NOW, address="192.0.2.2")
    judge(NOW)
    assert not Finding.objects.filter(rule="key_reuse").exists()


def test_a_node_that_was_left_behind_is_told_when_its_sister_changes() -> None:
    old = issue()
    look(old, NOW, "192.0.2.1")
    look(old, NOW, "192.0.2.2")
    judge(NOW)
    assert not Finding.objects.filter(rule="not_same_everywhere").exists()
    look(new := issue(begins=0), NOW + HOUR, "192.0.2.2")
    judge(NOW + HOUR)
    behind = finding("not_same_everywhere", node("192.0.2.1"))
    assert behind.sentence.startswith("1 of 2 nodes already serve a newer certificate")
    assert "not_same_everywhere" not in open_rules(node("192.0.2.2"))
    look(new, NOW + 2 * HOUR, "192.0.2.1")
    judge(NOW + 2 * HOUR)
    assert not Finding.objects.open().filter(rule="not_same_everywhere").exists()


def test_a_renewal_with_one_name_more_leaves_the_older_behind_and_one_for_less_does_not() -> None:
    look(both := issue("www.example.org", "example.org"), NOW, "192.0.2.1")
    look(one := issue("www.example.org", begins=-5), NOW, "192.0.2.2")
    more = issue("www.example.org", "example.org", "new.example.org", begins=0)
    for hours, issued in enumerate((both, one, more)):
        look(issued, NOW + hours * HOUR, "192.0.2.3")
    judge(NOW + 2 * HOUR)
    assert finding("not_same_everywhere", node("192.0.2.1")).evidence["newer on"] == "192.0.2.3:443"
    assert finding("not_same_everywhere", node("192.0.2.2")).evidence["newer on"] == "192.0.2.3:443"


def test_an_owner_closes_the_finding_that_there_is_none(web_team: Team, administrator: User) -> None:
    look(issued := issue(), NOW)
    judge(NOW)
    assign_owner([row(issued).pk], web_team, None, "Theirs.", actor=administrator, now=NOW + HOUR)
    judge(NOW + HOUR)
    assert finding("ownerless", row(issued)).closing == "observed"
    assert "ownerless" not in row(issued).risks.values_list("code", flat=True)
    assign_owner([row(issued).pk], None, None, "Not theirs.", actor=administrator, now=NOW + 2 * HOUR)
    judge(NOW + 2 * HOUR)
    assert "ownerless" in open_rules(row(issued))


def test_a_retired_node_takes_its_findings_away_and_its_return_brings_them_back(administrator: User) -> None:
    trust_root()
    look(issued := issue(ends=1), NOW, version="TLSv1.1")
    judge(NOW)
    retire_endpoint(node(), "Switched off.", actor=administrator, now=NOW + HOUR)
    judge(NOW + HOUR)
    assert set(node().findings.values_list("closing", flat=True)) == {"retired"}
    assert set(row(issued).findings.values_list("closing", flat=True)) == {"replaced"}
    assert not row(issued).risks.exists()
    unretire_endpoint(node(), "Still there.", actor=administrator, now=NOW + 2 * HOUR)
    judge(NOW + 2 * HOUR)
    assert open_rules(node()) == {"old_tls"}
    assert open_rules(row(issued)) == {"expiring", "ownerless"}


def test_a_new_root_makes_every_path_due() -> None:
    look(issue(), NOW)
    judge(NOW)
    assert open_rules(node()) == {"untrusted_path"}
    keep_trust_store("Example", ROOT.pem, actor=None, now=NOW + HOUR)
    judge(NOW + HOUR)
    assert open_rules(node()) == set()
