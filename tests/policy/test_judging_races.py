"""Several judges at the same moment: nothing twice, nothing lost, nobody waits in a circle.

On SQLite one writes after the other; the claims show what they are worth on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import sleep
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction

from inventory.models import Certificate, Endpoint, Risk
from policy.models import Finding, Unjudged
from policy.rules import Bad, NotJudged, Subject, Verdict
from policy.services import judge_due, judging
from policy.services.findings import keep
from tests.conftest import NOW
from tests.inventory.factories import digest, make_certificate, make_endpoint
from tests.policy.looks import HOUR, judge

NUMBER = 60
pytestmark = pytest.mark.django_db(transaction=True)


def plant(*, services: int) -> None:
    """Nodes that offer old TLS, or are silent, and serve certificates of which many share a key; all are due."""
    for n in range(NUMBER):
        certificate = make_certificate(
            f"h{n}.example.org",
            spki_sha256=digest("key", n % 5),
            nodes_serving=1,
            served_ever=True,
            judge_at=NOW,
            days_left=(-3, 5, 60)[n % 3],
        )
        node = make_endpoint(
            f"192.0.2.{n}", certificate=certificate, service=f"s{n % services}", judge_at=NOW, tls_version="TLSv1"
        )
        if n % 6 == 0:
            Endpoint.objects.filter(pk=node.pk).update(outcome="unreachable", reason="silent")


def at_once(work: Callable[[int], int], workers: int) -> list[int]:
    def one(number: int) -> int:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, range(workers)))


def told() -> list[Any]:
    """All that was concluded, without the moments at which it was."""
    return [
        sorted(Finding.objects.values_list("rule", "certificate", "endpoint", "closing", "reopened", "sentence")),
        sorted(Unjudged.objects.values_list("rule", "certificate", "endpoint", "reason")),
        sorted(Risk.objects.values_list("certificate", "code", "severity")),
        sorted(Certificate.objects.values_list("pk", "worst_severity", "open_findings")),
        sorted(Endpoint.objects.values_list("pk", "worst_severity", "open_findings")),
    ]


@pytest.mark.parametrize("services", [NUMBER, 12])
def test_judges_that_run_at_once_conclude_what_one_would(services: int) -> None:
    plant(services=services)

    def work(number: int) -> int:
        return sum(judge_due(NOW, batch=7 + number) for _ in range(12))

    assert sum(at_once(work, 4)) > 0
    # What was left to another who left it, too, is still due, and only that.
    judge(NOW)
    together = told()
    assert len(together[0]) > 2 * NUMBER
    assert len(together[1]) > 0
    assert not Endpoint.objects.filter(judged_at=None).exists()
    assert not Certificate.objects.filter(judged_at=None).exists()
    Finding.objects.all().delete()
    Unjudged.objects.all().delete()
    for model in (Endpoint, Certificate):
        model.objects.update(judge_at=NOW)
    judge(NOW)
    assert told() == together


@pytest.mark.parametrize("facts", ["endpoint_facts", "certificate_facts"])
def test_what_two_judges_read_at_once_only_one_of_them_writes(facts: str) -> None:
    plant(services=NUMBER)
    model: type[Certificate | Endpoint] = Endpoint if facts == "endpoint_facts" else Certificate
    (Certificate if model is Endpoint else Endpoint).objects.update(judge_at=None)
    read, both = getattr(judging, facts), Barrier(2)

    def together(rows: Sequence[Any], *more: Any) -> Any:
        found = read(rows, *more)
        both.wait(30)
        return found

    work = judging._judge_endpoints if model is Endpoint else judging._judge_certificates
    with patch.object(judging, facts, together):
        judged = at_once(lambda _: work(NOW, 2 * NUMBER), 2)
    assert sum(judged) == NUMBER
    assert model.objects.filter(judged_at=NOW).count() == NUMBER
    assert len(set(Finding.objects.values_list("rule", "certificate", "endpoint"))) == Finding.objects.count()


@pytest.mark.parametrize("verdict", [Bad("Bad."), NotJudged("Silent.")])
def test_two_writers_of_the_same_verdict_make_one_row(verdict: Verdict) -> None:
    pks = [make_certificate().pk for _ in range(5)]
    first_wrote = Event()

    def work(number: int) -> int:
        if number:
            first_wrote.wait(30)
        with transaction.atomic():
            keep(Subject.CERTIFICATE, {pk: {"weak_key": verdict} for pk in pks}, NOW + number * HOUR)
            first_wrote.set()
            # Long enough for the other to look before this one commits.
            sleep(0.3)
        return 1

    assert at_once(work, 2) == [1, 1]
    model = Finding if isinstance(verdict, Bad) else Unjudged
    assert model.objects.count() == 5
    if model is Unjudged:
        assert set(Unjudged.objects.values_list("since", flat=True)) == {NOW}
