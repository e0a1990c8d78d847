"""From looks to findings and standing: what is due, when, and what one row's answer does to others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Certificate, Endpoint, Risk, Severity
from policy.models import Finding
from policy.services import judge_due
from policy.services.facts import certificate_facts
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint
from tests.policy.looks import DAY, HOUR, finding, issue, judge, look, node, open_rules, row, trust_root

SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.django_db


def test_a_sound_node_has_no_finding_but_the_missing_owner() -> None:
    trust_root()
    look(issued := issue(), NOW)
    judge(NOW)
    assert open_rules(row(issued)) == {"ownerless"}
    assert open_rules(node()) == set()


def test_judging_twice_changes_nothing() -> None:
    look(issue(ends=1), NOW, version="TLSv1.1")
    judge(NOW)
    before = [list(model.objects.order_by("pk").values()) for model in (Finding, Risk, Certificate, Endpoint)]
    Certificate.objects.update(judge_at=NOW)
    Endpoint.objects.update(judge_at=NOW)
    judge(NOW)
    assert [list(model.objects.order_by("pk").values()) for model in (Finding, Risk, Certificate, Endpoint)] == before
    assert judge_due(NOW) == 0


def test_a_certificate_is_judged_at_each_moment_at_which_time_alone_changes_an_answer() -> None:
    certificate = make_certificate(judge_at=NOW, nodes_serving=1, served_ever=True, days_left=60)
    told = []
    while certificate.judge_at is not None:
        moment = certificate.judge_at
        judge(moment)
        certificate.refresh_from_db()
        told.append((moment, open_rules(certificate) - {"ownerless"}, certificate.worst_severity))
    assert certificate.not_after
    assert told == [
        (NOW, set(), Severity.LOW),
        (certificate.expiring_from, {"expiring"}, Severity.MEDIUM),
        (certificate.urgent_from, {"expiring"}, Severity.HIGH),
        (certificate.not_after + SECOND, {"expired"}, Severity.CRITICAL),
    ]
    overtaken = finding("expiring", certificate)
    assert overtaken.closing == "overtaken"


def test_nothing_changes_a_second_before_its_moment() -> None:
    certificate = make_certificate(judge_at=NOW, nodes_serving=1, served_ever=True, days_left=60)
    for moment in ("expiring_from", "not_after"):
        at: datetime = getattr(certificate, moment)
        Certificate.objects.update(judge_at=at - SECOND)
        judge(at - SECOND)
        assert open_rules(certificate) <= {"ownerless", "expiring"}
        assert ("expiring" in open_rules(certificate)) == (moment == "not_after")


def test_a_certificate_that_begins_later_is_judged_when_it_begins() -> None:
    certificate = make_certificate(judge_at=NOW, not_before=NOW + DAY, days_left=60)
    judge(NOW)
    certificate.refresh_from_db()
    assert "not_yet_valid" in open_rules(certificate)
    assert certificate.judge_at == NOW + DAY
    judge(NOW + DAY)
    begun = finding("not_yet_valid", certificate)
    assert begun.closing == "observed"


def test_a_look_that_became_too_old_leaves_findings_open_until_a_new_one_confirms_them() -> None:
    look(issued := issue(), NOW, version="TLSv1.1")
    judge(NOW)
    assert node().judge_at == NOW + 2 * DAY
    judge(NOW + 2 * DAY)
    stale = finding("old_tls", node())
    assert (stale.closed_at, stale.confirmed_at) == (None, NOW)
    assert node().judge_at is None
    look(issued, NOW + 5 * DAY, version="TLSv1.1")
    judge(NOW + 5 * DAY)
    stale.refresh_from_db()
    assert (stale.closed_at, stale.confirmed_at) == (None, NOW + 5 * DAY)
    assert node().judge_at == NOW + 7 * DAY


def test_the_same_look_in_time_moves_the_moment_at_which_it_becomes_too_old() -> None:
    look(issued := issue(), NOW)
    judge(NOW)
    look(issued, NOW + DAY)
    judge(NOW + 2 * DAY)
    assert node().judge_at == NOW + 3 * DAY


def test_silence_resolves_nothing_and_only_a_newer_look_does() -> None:
    look(issued := issue(), NOW, version="TLSv1.1")
    judge(NOW)
    look(None, NOW + HOUR)
    judge(NOW + HOUR)
    assert "old_tls" in open_rules(node())
    assert row(issued).open_findings == 3  # old_tls, incomplete_chain and ownerless
    look(issued, NOW + 2 * HOUR, version="TLSv1.3")
    judge(NOW + 2 * HOUR)
    closed = finding("old_tls", node())
    assert (closed.closed_at, closed.closing) == (NOW + 2 * HOUR, "observed")


def test_a_certificate_that_was_replaced_on_its_node_is_no_question_any_more() -> None:
    trust_root()
    look(old := issue(ends=1), NOW)
    judge(NOW)
    look(new := issue(begins=0, ends=90), NOW + HOUR)
    judge(NOW + HOUR)
    replaced = finding("expiring", row(old))
    assert replaced.closing == "replaced"
    assert (row(old).open_findings, row(old).worst_severity) == (0, Severity.NONE)
    assert set(row(new).risks.values_list("code", flat=True)) == {"ownerless"}


def test_a_roll_back_opens_the_findings_of_the_old_certificate_again() -> None:
    old, new = issue(ends=1), issue(begins=0, ends=90)
    for hours, issued in enumerate((old, new, old)):
        look(issued, NOW + hours * HOUR)
        judge(NOW + hours * HOUR)
    reopened = finding("expiring", row(old))
    assert (reopened.closed_at, reopened.reopened) == (None, 1)


def test_the_standing_of_a_certificate_is_what_its_findings_say() -> None:
    trust_root()
    look(issued := issue(ends=1), NOW, version="TLSv1.1")
    look(issued, NOW, address="192.0.2.2", name="other.example.org")
    judge(NOW)
    certificate = row(issued)
    about = Finding.objects.open().filter(certificate=certificate) | Finding.objects.open().filter(
        endpoint__certificate=certificate
    )
    told = dict(about.values_list("rule", "severity"))
    assert told == {"expiring": 3, "ownerless": 1, "old_tls": 2, "wrong_name": 3}
    assert dict(certificate.risks.values_list("code", "severity")) == told
    assert (certificate.open_findings, certificate.worst_severity) == (about.count(), max(told.values()))
    for endpoint in Endpoint.objects.all():
        own = endpoint.findings.filter(closed_at=None)
        assert (endpoint.open_findings, endpoint.worst_severity) == (
            own.count(),
            max(own.values_list("severity", flat=True)),
        )


def test_a_fault_of_a_node_becomes_a_risk_of_its_certificate_in_the_same_run() -> None:
    trust_root()
    look(issued := issue(), NOW)
    judge(NOW)
    look(issued, NOW + HOUR, version="TLSv1")
    judge(NOW + HOUR)
    assert set(row(issued).risks.values_list("code", flat=True)) == {"old_tls", "ownerless"}


def test_a_fact_that_changes_while_it_is_judged_keeps_the_row_due() -> None:
    look(issued := issue(), NOW)

    def slowly(rows: list[Certificate]) -> object:
        facts = certificate_facts(rows)
        Certificate.objects.update(judge_at=NOW + SECOND)
        return facts

    with patch("policy.services.judging.certificate_facts", slowly):
        judge_due(NOW)
    assert row(issued).judge_at == NOW + SECOND
    assert judge_due(NOW + SECOND) == 1


def test_the_last_year_and_unreadable_dates_are_judged_without_an_error() -> None:
    for_ever = make_certificate(
        judge_at=NOW, not_before=NOW - DAY, not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    )
    unread = make_certificate("unread.example.org", judge_at=NOW, not_before=None, not_after=None)
    judge(NOW)
    assert open_rules(for_ever) == open_rules(unread) == {"ownerless"}
    unread.refresh_from_db()
    assert (unread.judge_at, unread.judged_at) == (None, NOW)


def test_an_unreadable_date_does_not_resolve_what_was_found() -> None:
    certificate = make_certificate(judge_at=NOW, days_left=-1, nodes_serving=1, served_ever=True)
    judge(NOW)
    Certificate.objects.update(not_after=None, judge_at=NOW + HOUR)
    judge(NOW + HOUR)
    assert "expired" in open_rules(certificate)


def test_ca_certificates_are_not_judged_as_what_they_are_not() -> None:
    behind = issue()
    authority = make_certificate("CA", judge_at=NOW, kind="ca", days_left=-5)
    look(behind, NOW)
    judge(NOW)
    assert open_rules(authority) == set()


def _due(number: int) -> None:
    for n in range(number):
        certificate = make_certificate(
            f"n{n}.example.org", judge_at=NOW, nodes_serving=1, served_ever=True, days_left=n
        )
        make_endpoint(f"192.0.2.{n}", server_name=f"n{n}.example.org", certificate=certificate, judge_at=NOW)


@pytest.mark.parametrize("number", [10, 100])
def test_a_batch_costs_the_same_number_of_queries_whatever_its_size(number: int) -> None:
    _due(number)
    with CaptureQueriesContext(connection) as captured:
        assert judge_due(NOW) == 2 * number
    assert len(captured) <= 40, len(captured)


def test_more_than_one_batch_is_judged_to_the_end() -> None:
    _due(7)
    assert [judge_due(NOW, batch=3) for _ in range(4)] == [6, 6, 2, 0]
