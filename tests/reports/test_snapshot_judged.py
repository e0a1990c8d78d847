"""A zero of the overview is good only if the rules behind it were asked, in time, of nearly everything it counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation, Team, User
from inventory import filters
from inventory.models import Certificate, Endpoint
from inventory.services import recount
from policy.models import Unjudged
from reports.snapshot import Snapshot, take
from reports.snapshot.values import Number
from tests.inventory.factories import make_certificate, make_endpoint

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Without an organisation every page leads to the first run."""


def plant(number: int, now: datetime, *, base: int = 0, **columns: Any) -> list[Certificate]:
    """Sound certificates in use, each on a node that answered just now."""
    made = []
    for n in range(base, base + number):
        values: dict[str, Any] = {"judged_at": now - MINUTE, "judge_at": now + 9 * MINUTE, "nodes_serving": 1} | columns
        certificate = make_certificate(f"n{n}.example.org", now=now, **values)
        make_endpoint(f"192.0.2.{n}", certificate=certificate, now=now, owner_team=columns.get("owner_team"))
        made.append(certificate)
    recount()
    return made


def zero(snapshot: Snapshot, code: str) -> Number:
    number = snapshot.number(code)
    assert number
    assert number.value == 0
    return number


@pytest.mark.parametrize(
    "columns",
    [
        {"judged_at": None, "judge_at": -1},
        {"judge_at": -61},
    ],
)
@pytest.mark.parametrize(("late", "words"), [(1, "key or signature"), (2, "0 found, 2 certificates not judged")])
def test_none_weak_is_good_only_if_nearly_all_were_judged_in_time(
    late: int, words: str, columns: dict[str, Any], auditor: User, today: datetime
) -> None:
    plant(20 - late, today)
    plant(late, today, base=100, **columns | {"judge_at": today + columns["judge_at"] * MINUTE})
    weak = zero(take(auditor, today), "weak")
    assert (weak.note, weak.tone) == (words, "ok" if late == 1 else "")
    assert zero(take(auditor, today), "expired").tone == "ok"


@pytest.mark.parametrize(("unknown", "tone"), [(1, "ok"), (2, "")])
def test_none_weak_is_good_only_if_nearly_all_keys_and_signatures_could_be_judged(
    unknown: int, tone: str, auditor: User, today: datetime
) -> None:
    for certificate in plant(20, today)[:unknown]:
        for rule in ("weak_key", "sha1_signature"):
            Unjudged.objects.create(rule=rule, certificate=certificate, reason="Unheard of.", since=today)
    snapshot = take(auditor, today)
    assert zero(snapshot, "weak").tone == tone
    assert snapshot.judged.unweighed == unknown


def test_what_was_judged_late_and_could_not_be_counts_once(auditor: User, today: datetime) -> None:
    plant(10, today)
    late = plant(1, today, base=100, judge_at=today - 99 * MINUTE)[0]
    Unjudged.objects.create(rule="weak_key", certificate=late, reason="Unheard of.", since=today)
    judged = take(auditor, today).judged
    assert (judged.late, judged.unweighed) == (1, 1)


def test_other_rules_and_certificates_out_of_use_leave_the_zero_as_it_is(auditor: User, today: datetime) -> None:
    for certificate in plant(10, today):
        Unjudged.objects.create(rule="self_signed", certificate=certificate, reason="Unheard of.", since=today)
    for _ in range(10):
        idle = make_certificate(now=today, judge_at=today - 99 * MINUTE)
        Unjudged.objects.create(rule="weak_key", certificate=idle, reason="Unheard of.", since=today)
    assert zero(take(auditor, today), "weak").tone == "ok"


def test_none_expired_is_not_good_if_many_dates_could_not_be_read(
    client: Client, auditor: User, today: datetime
) -> None:
    plant(8, today)
    plant(2, today, base=100, not_after=None)
    snapshot = take(auditor, today)
    for code in ("expired", "expiring"):
        number = zero(snapshot, code)
        assert (number.note, number.tone) == ("0 found, 2 certificates not judged", "")
    client.force_login(auditor)
    text = client.get("/").text
    assert "0 found, 2 certificates not judged" in text
    assert "No expired certificate was found, but of 2 nobody can read when they end." in text


def test_what_other_teams_own_does_not_spoil_my_zero(
    viewer: User, auditor: User, web_team: Team, other_team: Team, today: datetime
) -> None:
    plant(10, today, owner_team=web_team)
    plant(10, today, base=100, owner_team=other_team, judge_at=today - 99 * MINUTE)
    assert zero(take(viewer, today), "weak").tone == "ok"
    assert zero(take(auditor, today), "weak").tone == ""


def test_nothing_is_said_to_be_unbroken_while_a_rule_is_not_judged(
    client: Client, auditor: User, today: datetime
) -> None:
    certificate = plant(3, today)[0]
    client.force_login(auditor)
    assert "No rule is broken." in client.get("/").text
    Unjudged.objects.create(rule="self_signed", certificate=certificate, reason="Unheard of.", since=today)
    text = client.get("/").text
    assert "No rule is broken." not in text
    assert "No rule was found broken in what was judged." in text


def test_of_more_than_are_read_first_a_part_is_counted_that_no_zero_bears(
    auditor: User, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(17, today)
    plant(2, today, base=100, judge_at=today - 99 * MINUTE)
    unknown = plant(1, today, base=200)[0]
    Unjudged.objects.create(rule="weak_key", certificate=unknown, reason="Unheard of.", since=today)
    monkeypatch.setattr(filters, "few_of", lambda _found: None)
    counted = take(auditor, today).judged
    assert (counted.late, counted.unweighed, counted.is_weighed) == (2, 3, True)
    monkeypatch.setattr(filters, "MOST_COUNTED", 0)
    snapshot = take(auditor, today)
    assert (snapshot.judged.unweighed, snapshot.judged.is_weighed) == (2, False)
    weak = zero(snapshot, "weak")
    assert (weak.note, weak.tone) == ("0 found, 2+ certificates not judged", "")


def test_what_was_seen_in_the_future_or_fell_silent_is_not_judged_once_each(auditor: User, today: datetime) -> None:
    plant(10, today)
    ends: list[dict[str, Any]] = [
        {"last_seen_at": today + 600 * MINUTE},
        {"last_seen_at": None},
        {"last_seen_at": today - 9999 * MINUTE, "outcome": "unreachable"},
        {"last_seen_at": today - 9999 * MINUTE},
        {"outcome": ""},
    ]
    for at, columns in enumerate(ends):
        Endpoint.objects.filter(address__in=[Endpoint.objects.order_by("address")[at].address]).update(**columns)
    recount()
    listed = filters.endpoints("judged=no", auditor, today).queryset.count()
    assert take(auditor, today).judged.not_judged == listed == len(ends)
