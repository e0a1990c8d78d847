"""The life of a finding: opened, confirmed, closed with the right word, opened again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.models import AuditEvent, User
from policy.models import Finding
from policy.rules import Bad, Good, NotApplicable, NotJudged, Severity, Subject, Verdict
from policy.services import acknowledge
from policy.services.findings import Kept, keep
from tests.conftest import NOW
from tests.inventory.factories import make_certificate

DAY = timedelta(days=1)
BAD = Bad("The RSA key has 1,024 bits.", {"what we read": "RSA 1024"})
pytestmark = pytest.mark.django_db


@pytest.fixture
def pk() -> int:
    return make_certificate().pk


def say(pk: int, verdict: Verdict, now: datetime, rule: str = "weak_key") -> Kept:
    return keep(Subject.CERTIFICATE, {pk: {rule: verdict}}, now)


def test_a_broken_rule_opens_a_finding_that_is_due_after_the_days_of_its_rule(pk: int) -> None:
    kept = say(pk, BAD, NOW)
    finding = Finding.objects.get()
    assert kept.opened == {(pk, "weak_key")}
    assert (finding.severity, finding.sentence, finding.evidence) == (Severity.HIGH, BAD.sentence, BAD.evidence)
    assert (finding.opened_at, finding.confirmed_at, finding.due_at) == (NOW, NOW, NOW + 7 * DAY)
    assert (finding.closed_at, finding.closing, finding.reopened, finding.reopened_at) == (None, "", 0, None)


@pytest.mark.parametrize("verdict", [Good(), NotJudged("Nobody knows."), NotApplicable("replaced")])
def test_only_a_broken_rule_makes_a_row(pk: int, verdict: Verdict) -> None:
    assert say(pk, verdict, NOW).subjects == frozenset()
    assert not Finding.objects.exists()


def test_the_same_answer_again_confirms_and_moves_nothing_else(pk: int) -> None:
    say(pk, BAD, NOW)
    before = Finding.objects.values().get()
    assert say(pk, BAD, NOW + DAY).subjects == frozenset()
    assert Finding.objects.values().get() == {**before, "confirmed_at": NOW + DAY}


def test_what_cannot_be_judged_stays_open_and_unconfirmed(pk: int) -> None:
    say(pk, BAD, NOW)
    assert say(pk, NotJudged("Silent."), NOW + DAY).subjects == frozenset()
    finding = Finding.objects.get()
    assert (finding.closed_at, finding.confirmed_at) == (None, NOW)


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (Good(), "observed"),
        (NotApplicable("replaced"), "replaced"),
        (NotApplicable("retired"), "retired"),
        (NotApplicable("overtaken"), "overtaken"),
    ],
)
def test_a_finding_closes_with_the_word_of_what_ended_it(pk: int, verdict: Verdict, word: str) -> None:
    say(pk, BAD, NOW)
    assert say(pk, verdict, NOW + DAY).closed == {(pk, "weak_key")}
    finding = Finding.objects.get()
    assert (finding.closed_at, finding.closing) == (NOW + DAY, word)


def test_a_closed_finding_keeps_its_word_and_its_day(pk: int) -> None:
    say(pk, BAD, NOW)
    say(pk, NotApplicable("replaced"), NOW + DAY)
    before = Finding.objects.values().get()
    say(pk, Good(), NOW + 2 * DAY)
    say(pk, NotJudged("Silent."), NOW + 3 * DAY)
    assert Finding.objects.values().get() == before


def test_a_finding_that_comes_back_is_the_same_row_counted_once_more(pk: int, operator: User) -> None:
    say(pk, BAD, NOW)
    acknowledge(Finding.objects.get(), operator, NOW)
    for days in (1, 3):
        say(pk, Good(), NOW + days * DAY)
        say(pk, BAD, NOW + (days + 1) * DAY)
    finding = Finding.objects.get()
    assert (finding.reopened, finding.reopened_at, finding.opened_at) == (2, NOW + 4 * DAY, NOW)
    assert (finding.closed_at, finding.closing, finding.due_at) == (None, "", NOW + 11 * DAY)
    assert (finding.acknowledged_at, finding.acknowledged_by) == (None, None)


def test_a_verdict_may_be_worse_than_its_rule(pk: int) -> None:
    say(pk, Bad("Soon.", severity=Severity.HIGH, changes_at=NOW + DAY), NOW, "expiring")
    finding = Finding.objects.get()
    assert finding.severity == Severity.HIGH
    say(pk, Bad("Later."), NOW, "expiring")
    finding.refresh_from_db()
    assert finding.severity == Severity.MEDIUM


def test_long_and_hostile_names_fit_into_the_row_and_are_visible(pk: int) -> None:
    say(pk, Bad("a\0b\u202e" + "x" * 2000, {"names": "a\0b"}), NOW)
    finding = Finding.objects.get()
    finding.full_clean()
    assert finding.sentence.startswith("a‹U+0000›b‹U+202E›xxx")
    assert finding.sentence.endswith("…")
    assert finding.evidence == {"names": "a‹U+0000›b"}


def test_a_finding_is_taken_up_once_and_the_log_says_by_whom(pk: int, operator: User, administrator: User) -> None:
    say(pk, BAD, NOW)
    finding = Finding.objects.get()
    assert acknowledge(finding, operator, NOW)
    assert not acknowledge(finding, administrator, NOW + DAY)
    finding.refresh_from_db()
    assert (finding.acknowledged_at, finding.acknowledged_by) == (NOW, operator)
    assert [event.actor_email for event in AuditEvent.objects.filter(verb="finding.acknowledged")] == [operator.email]


def test_a_closed_finding_cannot_be_taken_up(pk: int, operator: User) -> None:
    say(pk, BAD, NOW)
    say(pk, Good(), NOW)
    assert not acknowledge(Finding.objects.get(), operator, NOW)
    assert not AuditEvent.objects.exists()
