"""Services of many nodes: compared through one summary, judged in batches, and not at all beyond a limit."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team
from inventory.models import Endpoint
from policy.models import Finding, Unjudged
from policy.rules.siblings import OF_ANOTHER_TEAM
from policy.services import judge_due
from policy.services.facts import endpoint_facts
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint
from tests.policy.looks import DAY, HOUR, finding, issue, judge, leave_behind, look, node

RULE = "not_same_everywhere"
SERVICE = "one:443/tls"
pytestmark = pytest.mark.django_db


def plant(number: int, first: int = 0) -> None:
    for n in range(first, first + number):
        certificate = make_certificate(f"n{n}.example.org", nodes_serving=1, served_ever=True)
        make_endpoint(f"10.0.0.{n}", certificate=certificate, service=SERVICE, judge_at=NOW)


def test_all_nodes_of_a_service_share_one_summary() -> None:
    plant(20)
    facts = endpoint_facts(list(Endpoint.objects.all()), NOW)
    assert len({id(one.service) for one in facts.values()}) == 1
    assert len(facts.popitem()[1].service.nodes) == 20


def test_a_batch_judges_no_more_nodes_than_it_was_asked_for() -> None:
    plant(20)
    assert judge_due(NOW, batch=6) <= 12
    assert Endpoint.objects.exclude(judged_at=None).count() == 6


def test_the_others_are_called_when_one_changes_and_only_then() -> None:
    old = issue()
    for n in range(5):
        look(old, NOW, f"192.0.2.{n}")
    judge(NOW)
    look(old, NOW + HOUR, "192.0.2.0", version="TLSv1.1")
    judge(NOW + HOUR)
    assert Endpoint.objects.filter(judged_at=NOW + HOUR).count() == 1
    look(issue(begins=0), NOW + 2 * HOUR, "192.0.2.0")
    judge(NOW + 2 * HOUR)
    assert Endpoint.objects.filter(judged_at=NOW + 2 * HOUR).count() == 5
    assert Finding.objects.open().filter(rule=RULE).count() == 4


def test_more_nodes_than_can_be_compared_are_not_and_say_so_until_they_are_fewer() -> None:
    with patch("policy.rules.siblings.MOST_NODES", 6), patch("policy.services.siblings.MOST_NODES", 6):
        plant(6)
        judge(NOW)
        assert not Unjudged.objects.filter(rule=RULE).exists()
        plant(3, first=6)
        judge(NOW)
        told = Unjudged.objects.filter(rule=RULE).values_list("reason", flat=True)
        assert list(told) == ["More than 6 nodes answer to this name: they were not compared."] * 9
        Endpoint.objects.filter(pk__in=list(Endpoint.objects.values_list("pk", flat=True)[:3])).update(
            retired_at=NOW, judge_at=NOW
        )
        judge(NOW)
        assert not Unjudged.objects.filter(rule=RULE).exists()


def test_one_more_node_of_a_service_that_is_too_large_makes_no_other_due() -> None:
    with patch("policy.rules.siblings.MOST_NODES", 6), patch("policy.services.siblings.MOST_NODES", 6):
        plant(8)
        judge(NOW)
        plant(1, first=8)
        judge(NOW + HOUR)
        assert Endpoint.objects.filter(judged_at=NOW + HOUR).count() == 1


@pytest.mark.parametrize("number", [10, 150])
def test_a_batch_costs_the_same_number_of_queries_however_many_nodes_a_service_has(number: int) -> None:
    plant(number)
    with CaptureQueriesContext(connection) as captured:
        judge_due(NOW)
    assert len(captured) <= 50, len(captured)


def test_a_newer_node_is_named_to_those_who_see_it_and_counted_for_others(web_team: Team, other_team: Team) -> None:
    leave_behind()
    Endpoint.objects.filter(pk=node("192.0.2.1").pk).update(owner_team=web_team)
    Endpoint.objects.filter(pk=node("192.0.2.2").pk).update(owner_team=other_team)
    judge(NOW)
    assert finding(RULE, node("192.0.2.1")).evidence["newer on"] == OF_ANOTHER_TEAM
    Endpoint.objects.filter(pk=node("192.0.2.2").pk).update(owner_team=web_team, judge_at=NOW + HOUR)
    judge(NOW + HOUR)
    assert finding(RULE, node("192.0.2.1")).evidence["newer on"] == "192.0.2.2:443"


def test_a_look_between_reading_and_writing_leaves_its_node_due() -> None:
    look(issued := issue(), NOW)
    judge(NOW)
    late = NOW + 3 * DAY

    def slowly(*given: Any) -> Any:
        facts = endpoint_facts(*given)
        look(issued, late)
        return facts

    with patch("policy.services.judging.endpoint_facts", slowly):
        judge_due(late)
    assert node().judge_at is not None
    judge(late)
    assert not Unjudged.objects.filter(rule="old_tls").exists()
    assert node().judge_at == late + 2 * DAY
