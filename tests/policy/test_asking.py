"""Rules that are not those that were asked last are asked of everything again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import pytest
from pytest_django import Settings

from inventory import trust
from inventory.models import Certificate, Endpoint
from policy import rules
from policy.models import Asked, is_late
from policy.rules import CERTIFICATE_RULES, Bad, CertificateFacts, Verdict
from policy.services import asking, call_for_changed_rules
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


def test_every_batch_is_called_and_what_is_due_already_keeps_its_moment() -> None:
    for number in range(7):
        look(issue(f"n{number}.example.org"), NOW, f"192.0.2.{number + 2}", f"n{number}.example.org")
    judge(NOW)
    Endpoint.objects.filter(pk=node().pk).update(judge_at=NOW - DAY)
    with patch.object(asking, "_code", lambda: "another"), patch.object(asking, "MOST", 3):
        call_for_changed_rules(NOW + HOUR)
    assert due(NOW + HOUR) == Certificate.objects.count() + Endpoint.objects.count()
    assert node().judge_at == NOW - DAY


def test_a_setting_that_changes_who_may_be_named_asks_again(settings: Settings) -> None:
    settings.HIDE_UNOWNED = not settings.HIDE_UNOWNED
    call_for_changed_rules(NOW + HOUR)
    assert due(NOW + HOUR) > 0


def test_the_digest_is_over_the_source_of_the_rules() -> None:
    names = {file.name for package in (rules, trust) for file in asking._sources(_file(package))}
    assert {"certificates.py", "catalogue.py", "siblings.py", "path.py"} <= names


def _file(package: ModuleType) -> Path:
    return Path(str(package.__file__))
