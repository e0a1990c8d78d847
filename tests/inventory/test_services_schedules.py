"""For how long a look is evidence: by the shortest schedule of those who look."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from discovery.probe import Place, ProbeResult, Served, ServedVariant
from discovery.services import Recording, record
from inventory.models import Endpoint
from inventory.services import SeenBy
from tests.conftest import NOW
from tests.policy.looks import DAY, HOUR, issue

OURS = Recording(SeenBy("hosts", "Ours"), schedule=HOUR)
THEIRS = Recording(SeenBy("network", "Theirs"), schedule=7 * DAY)
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def answer() -> ProbeResult:
    return Served(Place("192.0.2.1", 443, ""), (ServedVariant("default", issue().sent, "TLSv1.3", "AES"),))


def seconds_after(answer: ProbeResult, recording: Recording, at: datetime) -> timedelta:
    record([answer], recording, at)
    return timedelta(seconds=Endpoint.objects.get().schedule_seconds)


def test_who_looks_seldom_does_not_stretch_the_evidence_of_who_looks_often(answer: ProbeResult) -> None:
    assert seconds_after(answer, OURS, NOW) == HOUR
    assert seconds_after(answer, THEIRS, NOW + HOUR) == HOUR
    assert seconds_after(answer, THEIRS, NOW + 2 * HOUR + timedelta(seconds=1)) == 7 * DAY
    assert seconds_after(answer, OURS, NOW + 3 * HOUR) == HOUR


def test_who_looks_alone_may_look_less_often(answer: ProbeResult) -> None:
    assert seconds_after(answer, OURS, NOW) == HOUR
    assert seconds_after(answer, replace(OURS, schedule=DAY), NOW + HOUR) == DAY
