"""Keys and versions as real devices have them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Team, User
from discovery.probe import Place, Served, ServedVariant
from discovery.services import record
from inventory.models import Certificate
from inventory.services import assign_owner, owned
from lab import pki
from policy.models import Finding
from policy.rules.certificates import KEY_IS_COMMON, MOST_SHARERS
from tests.conftest import NOW
from tests.inventory.factories import digest, make_certificate
from tests.policy.looks import DAY, RECORDING, ROOT, finding, issue, judge, look, node, open_rules, row, trust_root

pytestmark = pytest.mark.django_db


def test_devices_of_one_make_that_share_a_key_are_told_although_they_name_no_host() -> None:
    look(first := _device("printer 1"), NOW, "192.0.2.1", "p1.example.org")
    look(second := _device("printer 2", key=first.key), NOW, "192.0.2.2", "p2.example.org")
    judge(NOW)
    assert finding("key_reuse", row(first)).sentence == "Its key is also used by printer 2."
    assert "key_reuse" in open_rules(row(second))


def test_the_renewal_of_a_device_that_names_no_host_is_no_sharing() -> None:
    look(first := _device("printer 1"), NOW, "192.0.2.1", "p1.example.org")
    look(_device("printer 1", key=first.key, not_before=NOW), NOW, "192.0.2.2", "p1.example.org")
    judge(NOW)
    assert not Finding.objects.filter(rule="key_reuse").exists()


def test_a_server_that_wants_a_client_certificate_is_judged_by_what_it_sent_before() -> None:
    trust_root()
    sent = ServedVariant("default", issue().sent, "TLSv1", "ECDHE-ECDSA-AES256-SHA")
    place = Place("192.0.2.1", 443, "www.example.org")
    detail = "a client certificate is requested; the handshake was not finished: handshake_failure"
    record([Served(place, (sent,), detail)], RECORDING, NOW)
    judge(NOW)
    assert open_rules(node()) == {"old_tls"}


@pytest.mark.parametrize("protocol", ["smtp", "imap", "ldap", "postgres"])
def test_a_server_behind_starttls_is_judged_like_any_other(protocol: str) -> None:
    trust_root()
    sent = ServedVariant("default", issue("mail.example.org").sent, "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")
    place = Place("192.0.2.1", 25, "www.example.org", protocol)
    record([Served(place, (sent,))], RECORDING, NOW)
    judge(NOW)
    assert open_rules(node()) == {"wrong_name"}


def plant(number: int, first: int = 0) -> None:
    for n in range(first, first + number):
        make_certificate(
            f"d{n}.example.org",
            spki_sha256=digest("default key"),
            names_sha256=digest("names", n),
            judge_at=NOW,
            nodes_serving=1,
            served_ever=True,
        )


def test_a_key_that_very_many_carry_is_told_without_names_and_once() -> None:
    plant(3)
    judge(NOW)
    assert Finding.objects.open().filter(rule="key_reuse").exclude(sentence=KEY_IS_COMMON).count() == 3
    plant(MOST_SHARERS, first=3)
    judge(NOW + DAY)
    told = Finding.objects.open().filter(rule="key_reuse").values_list("sentence", flat=True)
    assert list(told) == [KEY_IS_COMMON] * (MOST_SHARERS + 3)
    plant(1, first=MOST_SHARERS + 3)
    judge(NOW + 2 * DAY)
    assert Certificate.objects.filter(judged_at=NOW + 2 * DAY).count() == 1
    Certificate.objects.filter(pk__in=list(Certificate.objects.values_list("pk", flat=True)[4:])).update(
        nodes_serving=0, judge_at=NOW + 3 * DAY
    )
    judge(NOW + 3 * DAY)
    left = Finding.objects.open().filter(rule="key_reuse").values_list("sentence", flat=True)
    assert len(left) == 4
    assert KEY_IS_COMMON not in left


def due_after_an_owner_was_chosen(team: Team, administrator: User) -> int:
    judge(NOW)
    assign_owner([Certificate.objects.order_by("pk")[0].pk], team, None, "Theirs.", actor=administrator, now=NOW + DAY)
    return Certificate.objects.filter(judge_at=NOW + DAY).count()


def test_an_owner_of_one_calls_all_that_share_its_key(web_team: Team, administrator: User) -> None:
    plant(MOST_SHARERS)
    assert due_after_an_owner_was_chosen(web_team, administrator) == MOST_SHARERS


def test_an_owner_of_one_calls_nobody_else_where_very_many_share_its_key(web_team: Team, administrator: User) -> None:
    plant(MOST_SHARERS + 1)
    assert due_after_an_owner_was_chosen(web_team, administrator) == 1


def test_owners_matter_to_as_many_as_are_named() -> None:
    assert owned.MOST_SHARERS == MOST_SHARERS


def test_very_many_renewals_of_one_certificate_share_their_key_with_nobody() -> None:
    plant(MOST_SHARERS + 2)
    Certificate.objects.update(names_sha256=digest("names", 0))
    judge(NOW)
    assert not Finding.objects.filter(rule="key_reuse").exists()


def _device(name: str, **options: Any) -> pki.Issued:
    """Without alternative names, as the firmware of many a device has it."""
    dates = {"not_before": NOW - 10 * DAY, "not_after": NOW + 80 * DAY}
    return ROOT.issue([], subject=name, **{**dates, **options})
