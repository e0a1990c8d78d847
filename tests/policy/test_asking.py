"""Rules that are not those that were asked last are asked of everything again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from pytest_django import Settings

from inventory import trust
from inventory.models import Certificate, Endpoint
from inventory.models.standing import is_late
from policy import rules, tasks
from policy.models import Asked
from policy.rules import CERTIFICATE_RULES, Bad, CertificateFacts, Verdict
from policy.services import asking, call_for_changed_rules
from policy.services.calling import MOST, call
from policy.services.judging import BATCH
from tests.conftest import NOW
from tests.policy.looks import DAY, HOUR, finding, issue, judge, look, node, trust_root

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def judged() -> None:
    trust_root()
    look(issue(), NOW)
    call_for_changed_rules(NOW)
    judge(NOW)


def due(at: datetime) -> int:
    return sum(model.objects.filter(judge_at__lte=at).count() for model in (Certificate, Endpoint))


def test_the_same_rules_make_nothing_due() -> None:
    call_for_changed_rules(NOW + HOUR)
    assert due(NOW + HOUR) == 0
    assert Asked.objects.get(name="rules").digest


def test_another_rule_is_asked_of_what_was_judged_before() -> None:
    def stricter(_facts: CertificateFacts, _now: datetime) -> Verdict:
        return Bad("The key is too weak now.")

    certificate = Certificate.objects.leaves().get()
    with patch.object(asking, "_code", lambda: "another"), patch.dict(CERTIFICATE_RULES, {"weak_key": stricter}):
        call_for_changed_rules(NOW + HOUR)
        assert due(NOW + HOUR) == Certificate.objects.count() + 1
        certificate.refresh_from_db()
        assert is_late(certificate, NOW + 3 * HOUR)
        judge(NOW + HOUR)
    assert finding("weak_key", certificate).sentence == "The key is too weak now."


def others(number: int) -> None:
    for n in range(number):
        look(issue(f"n{n}.example.org"), NOW, f"192.0.2.{n + 2}", f"n{n}.example.org")
    judge(NOW)


@contextmanager
def other_rules(batch: int) -> Iterator[None]:
    with patch.object(asking, "_code", lambda: "another"), patch.object(asking, "MOST", batch):
        yield


def test_every_batch_is_called_and_what_is_due_already_keeps_its_moment() -> None:
    others(7)
    Endpoint.objects.filter(pk=node().pk).update(judge_at=NOW - DAY)
    with other_rules(3):
        for _ in range(5):
            call_for_changed_rules(NOW + HOUR)
    assert due(NOW + HOUR) == Certificate.objects.count() + Endpoint.objects.count()
    assert node().judge_at == NOW - DAY


def test_one_pass_calls_no_more_than_its_batches_and_the_next_goes_on() -> None:
    others(7)
    total = Certificate.objects.count() + Endpoint.objects.count()
    told = []
    with other_rules(2):
        for tick in range(1, 9):
            call_for_changed_rules(NOW + tick * HOUR)
            told.append(due(NOW + tick * HOUR))
            judge(NOW + tick * HOUR)
    assert max(told) == 2 * asking.MOST_CALLS
    assert sum(told) == total
    assert told[-1] == 0


def test_no_more_is_called_at_once_than_one_tick_judges() -> None:
    assert asking.MOST_CALLS * MOST == tasks.MOST_BATCHES * BATCH


def test_who_dies_between_two_batches_goes_on_where_the_last_one_ended() -> None:
    others(7)
    first = list(Certificate.objects.order_by("pk")[:3])

    def dies(*given: Any) -> None:
        call(*given)
        if Certificate.objects.filter(judge_at=NOW + HOUR).count() > 3:
            raise SystemExit

    with other_rules(3):
        with patch.object(asking, "call", dies), pytest.raises(SystemExit):
            call_for_changed_rules(NOW + HOUR)
        assert set(Certificate.objects.filter(judge_at=NOW + HOUR)) == set(first)
        judge(NOW + HOUR)
        for _ in range(5):
            call_for_changed_rules(NOW + 2 * HOUR)
    assert not Certificate.objects.filter(pk__in=[row.pk for row in first], judge_at=NOW + 2 * HOUR).exists()
    assert due(NOW + 2 * HOUR) == Certificate.objects.count() - 3 + Endpoint.objects.count()


def test_rules_that_change_back_half_way_are_asked_of_all_again() -> None:
    others(7)
    with other_rules(3):
        call_for_changed_rules(NOW + HOUR)
        judge(NOW + HOUR)
    call_for_changed_rules(NOW + 2 * HOUR)
    assert due(NOW + 2 * HOUR) == Certificate.objects.count() + Endpoint.objects.count()


def test_a_setting_that_changes_who_may_be_named_asks_again(settings: Settings) -> None:
    settings.HIDE_UNOWNED = not settings.HIDE_UNOWNED
    call_for_changed_rules(NOW + HOUR)
    assert due(NOW + HOUR) > 0


def test_the_digest_is_over_the_source_of_the_rules() -> None:
    names = {file.name for package in (rules, trust) for file in asking._sources(_file(package))}
    assert {"certificates.py", "catalogue.py", "siblings.py", "path.py"} <= names


def _file(package: ModuleType) -> Path:
    return Path(str(package.__file__))
