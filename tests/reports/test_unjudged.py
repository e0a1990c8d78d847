"""A report names the rules that could not be judged, and claims nothing of what was not judged in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Organisation, Team, User
from inventory.models import Certificate
from inventory.models.standing import is_late, late_q
from inventory.services import recount
from policy.models import EVERY_RULE, Unjudged
from policy.rules import ENDPOINT_RULES
from reports.exports.document import context
from reports.services import freeze_inventory
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """A report names the organisation."""


def plant(number: int, team: Team | None = None, **columns: Any) -> list[Certificate]:
    made = []
    for n in range(number):
        values: dict[str, Any] = {"judged_at": NOW - MINUTE, "judge_at": NOW + 9 * MINUTE, "nodes_serving": 1} | columns
        certificate = make_certificate(owner_team=team, **values)
        make_endpoint(f"10.{certificate.pk % 250}.0.{n}", certificate=certificate, owner_team=team, judged_at=NOW)
        made.append(certificate)
    recount()
    return made


def leave(rule: str, reason: str, certificates: Sequence[Certificate], *, nodes: bool = False) -> None:
    for certificate in certificates:
        about: dict[str, Any] = {"endpoint": certificate.endpoints.get()} if nodes else {"certificate": certificate}
        Unjudged.objects.create(rule=rule, reason=reason, since=NOW, **about)


def section(data: dict[str, Any], code: str) -> dict[str, Any]:
    return next(one for one in context(data, "0" * 64)["sections"] if one["code"] == code)


def test_rules_that_could_not_be_judged_are_named_with_counts_and_the_commonest_reasons(auditor: User) -> None:
    made = plant(12)
    leave("weak_key", "Unheard of.", made[:2])
    leave("old_tls", "Silent.", made[:6], nodes=True)
    for n, certificate in enumerate(made[6:]):
        leave("old_tls", f"Version {n}.", [certificate], nodes=True)
    leave("bygone", "So.", made[:1])
    data = freeze_inventory(auditor, "", NOW)
    assert [(one["rule"], one["count"]) for one in data["rules_not_judged"]] == [
        ("old_tls", 12), ("weak_key", 2), ("bygone", 1),
    ]  # fmt: skip
    first = data["rules_not_judged"][0]["reasons"]
    assert first == [["Silent.", 6], *([f"Version {n}.", 1] for n in range(4))]
    shown = context(data, "0" * 64)["rules"]
    assert [(rule["count"], rule["left"]) for rule in shown] == [(12, 2), (2, 0), (1, 0)]
    assert shown[2]["titles"] == ["bygone"]


def test_rules_that_the_same_silence_stopped_stand_in_one_line(auditor: User) -> None:
    made = plant(2)
    for rule in ("old_tls", "wrong_name"):
        leave(rule, "Silent.", made, nodes=True)
    leave("weak_key", "Unheard of.", made)
    rules = context(freeze_inventory(auditor, "", NOW), "0" * 64)["rules"]
    assert [(rule["titles"], rule["count"]) for rule in rules] == [
        (["Old TLS only", "Wrong name"], 2),
        (["Weak key"], 2),
    ]


def test_a_silent_endpoint_counts_once_for_every_rule(auditor: User) -> None:
    made = plant(2)
    leave(EVERY_RULE, "Silent.", made, nodes=True)
    leave("old_tls", "Silent.", made[:1], nodes=True)
    told = freeze_inventory(auditor, "", NOW)["rules_not_judged"]
    assert {one["rule"]: (one["count"], one["reasons"]) for one in told} == {
        rule: (2, [["Silent.", 2]]) for rule in ENDPOINT_RULES
    }


def test_only_what_is_in_scope_and_seen_counts(viewer: User, auditor: User, web_team: Team, other_team: Team) -> None:
    for team in (web_team, other_team):
        made = plant(2, team)
        leave("weak_key", "Unheard of.", made)
        leave("old_tls", "Silent.", made, nodes=True)

    def counts(user: User, query: str) -> dict[str, int]:
        found = freeze_inventory(user, query, NOW)["rules_not_judged"]
        return {one["rule"]: one["count"] for one in found}

    assert counts(auditor, "") == {"weak_key": 4, "old_tls": 4}
    assert counts(auditor, "team=payments") == {"weak_key": 2, "old_tls": 2}
    assert counts(viewer, "") == {"weak_key": 2, "old_tls": 2}


@pytest.mark.parametrize(("doubtful", "said"), [(1, 0), (2, 2)])
def test_none_weak_is_claimed_only_if_nearly_all_were_judged(doubtful: int, said: int, auditor: User) -> None:
    leave("weak_key", "Unheard of.", plant(20)[:doubtful])
    data = freeze_inventory(auditor, "", NOW)
    assert (data["totals"]["unweighed"], data["totals"]["late"]) == (doubtful, 0)
    assert section(data, "weak")["not_judged"] == said
    assert section(data, "expired")["not_judged"] == 0


def test_what_was_judged_late_is_counted_and_claimed_of_nothing(auditor: User) -> None:
    plant(8)
    plant(2, judge_at=NOW - 61 * MINUTE)
    data = freeze_inventory(auditor, "", NOW)
    assert (data["totals"]["late"], data["totals"]["unweighed"]) == (2, 2)
    assert section(data, "weak")["not_judged"] == 2


def test_none_expired_is_not_claimed_of_dates_that_nobody_can_read(auditor: User) -> None:
    plant(8)
    assert context(freeze_inventory(auditor, "", NOW), "0" * 64)["is_enough_dated"]
    plant(2, not_after=None)
    data = freeze_inventory(auditor, "", NOW)
    assert not context(data, "0" * 64)["is_enough_dated"]
    assert section(data, "expired")["not_judged"] == section(data, "expiring")["not_judged"] == 2


def test_a_report_that_was_frozen_before_these_were_kept_can_still_be_shown(auditor: User) -> None:
    plant(2)
    data = freeze_inventory(auditor, "", NOW)
    del data["rules_not_judged"]
    for total in ("late", "undated", "unweighed"):
        del data["totals"][total]
    shown = context(data, "0" * 64)
    assert shown["rules"] == []
    assert shown["is_enough_dated"]


@pytest.mark.parametrize("judged", [None, -99])
@pytest.mark.parametrize("due", [None, -61, -60, -1, 0, 1])
def test_a_row_and_a_query_agree_on_what_is_late(judged: int | None, due: int | None) -> None:
    row = make_certificate(
        judged_at=None if judged is None else NOW + judged * MINUTE,
        judge_at=None if due is None else NOW + due * MINUTE,
    )
    assert Certificate.objects.filter(late_q(NOW)).exists() == is_late(row, NOW)
