"""What was judged while the clock was ahead is judged again, and is no answer until then."""

from __future__ import annotations

import pytest
import time_machine
from django.utils import timezone

from inventory.models import Certificate, Endpoint
from inventory.models.standing import judged_in_time, late_q
from policy import tasks
from tests.conftest import NOW
from tests.policy.looks import DAY, issue, look, node, open_rules, row

pytestmark = pytest.mark.django_db


def test_what_was_judged_in_the_future_is_judged_again_by_the_clock() -> None:
    look(issued := issue(), NOW)
    with time_machine.travel(NOW + 400 * DAY):
        tasks.tick()
    assert "expired" in open_rules(row(issued))
    with time_machine.travel(NOW):
        assert not judged_in_time(row(issued), NOW)
        tasks.tick()
        assert "expired" not in open_rules(row(issued))
        assert judged_in_time(row(issued), timezone.now())
        next_judged = row(issued).judge_at
        assert next_judged
        assert next_judged < NOW + 80 * DAY
        assert not Certificate.objects.filter(late_q(NOW)).exists()
        assert not Endpoint.objects.filter(judged_at__gt=NOW + DAY).exists()


def test_a_look_in_the_future_is_no_evidence_for_a_rule() -> None:
    look(issue(ends=1), NOW + 400 * DAY, version="TLSv1.1")
    with time_machine.travel(NOW):
        Endpoint.objects.update(judge_at=NOW)
        tasks.tick()
    assert open_rules(node()) == set()
