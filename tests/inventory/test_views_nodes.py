"""Nodes that differ are told in plain words; urgent is only what a rule found left behind."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from inventory.models import Certificate, Endpoint, Risk, Severity
from inventory.snapshot.rows import LEFT_BEHIND
from policy.rules import CATALOGUE
from tests.inventory.factories import make_certificate, make_endpoint

NAME = "api.example.org"


@pytest.fixture
def certificates(today: datetime) -> list[Certificate]:
    """Three nodes of a service, each with a certificate of its own."""
    made = [make_certificate(NAME, judged_at=today, nodes_serving=1, nodes_total=3, now=today) for _ in range(3)]
    for number, certificate in enumerate(made):
        make_endpoint(f"192.0.2.{number}", server_name=NAME, certificate=certificate, judged_at=today, now=today)
    return made


def shown(response: Any) -> tuple[str, str]:
    """The page without the notices around it, and its words."""
    main = response.text.split("<main")[1].split("</main>")[0]
    return main, " ".join(re.sub(r"<[^>]+>", " ", main).split())


def pages(client: Client, certificate: Certificate) -> list[Any]:
    node = Endpoint.objects.get(certificate=certificate)
    return [client.get(url) for url in ("/certificates/", f"/certificates/{certificate.pk}/", f"/endpoints/{node.pk}/")]


def test_nodes_with_certificates_of_their_own_are_no_fault(
    as_administrator: Client, certificates: list[Certificate]
) -> None:
    for response in pages(as_administrator, certificates[0]):
        main, words = shown(response)
        assert not re.search(r"tone-urgent|callout-urgent|c-failing", main), response.request["PATH_INFO"]
        assert "left behind" not in words
    page = as_administrator.get(f"/certificates/{certificates[0].pk}/")
    assert "2 nodes of the same services send another certificate. Nodes may each have" in shown(page)[1]


@pytest.mark.parametrize("behind", [0, 1], ids=["itself", "another"])
def test_a_node_that_was_left_behind_is_urgent_wherever_it_is_shown(
    behind: int, as_administrator: Client, certificates: list[Certificate]
) -> None:
    old = certificates[behind]
    Risk.objects.create(certificate=old, code=LEFT_BEHIND, severity=Severity.HIGH)
    Endpoint.objects.filter(certificate=old).update(open_findings=1, worst_severity=Severity.HIGH)
    rows, page, _ = pages(as_administrator, certificates[0])
    assert shown(rows)[0].count("tone-urgent") == 1
    assert "callout-urgent" in page.text
    assert "A node was left behind" in shown(page)[1]
    assert [node.label for node in page.context["page"].served.nodes if node.is_behind] == [f"192.0.2.{behind}:443"]
    beside = as_administrator.get(f"/endpoints/{Endpoint.objects.get(certificate=certificates[2]).pk}/")
    assert shown(beside)[1].count("(left behind)") == 1


def test_it_is_a_rule_that_tells_who_was_left_behind() -> None:
    assert LEFT_BEHIND in CATALOGUE
