"""Certificates that were taken out of service: counted nowhere, judged no more, and back as soon as they are served."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AuditEvent, Organisation, User
from inventory import filters
from inventory.models import Certificate, Endpoint
from inventory.services import (
    ServedError,
    numbers,
    recount,
    retire_certificate,
    retire_endpoint,
    unretire_certificate,
    unretire_endpoint,
)
from inventory.services.totals import CERTIFICATES, IN_USE, OWNED
from policy.models import Finding
from reports.services.freezing import freeze_inventory
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint
from tests.judging import judge_all_due
from tests.policy.looks import issue, look

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
OLD = issue(begins=-80, ends=5)


@pytest.fixture
def gone(administrator: User) -> Certificate:
    """Served once; its node sends another one since."""
    look(OLD, NOW - 2 * DAY)
    look(issue(begins=0), NOW - DAY)
    recount()
    return Certificate.objects.get(name="www.example.org", nodes_serving=0, kind="leaf")


def found(query: str, user: User) -> int:
    return filters.certificates(query, user, NOW).queryset.count()


def test_what_was_retired_is_in_no_list_total_or_whole_until_it_is_taken_back(
    gone: Certificate, administrator: User
) -> None:
    assert retire_certificate(gone, "replaced last year", actor=administrator, now=NOW)
    assert not retire_certificate(gone, "again", actor=administrator, now=NOW)
    gone.refresh_from_db()
    assert (gone.retired_at, gone.retired_reason, gone.judge_at) == (NOW, "replaced last year", NOW)
    assert [found(query, administrator) for query in ("", "retired=yes", "retired=any")] == [1, 1, 2]
    assert numbers(None, CERTIFICATES, OWNED) == {CERTIFICATES: {"leaf": 1}, OWNED: {"none": 1}}
    assert freeze_inventory(administrator, "", NOW)["scope"]["estate"] == 1
    assert freeze_inventory(administrator, "retired=any", NOW)["scope"]["estate"] == 2
    assert unretire_certificate(gone, "still wanted", actor=administrator, now=NOW)
    assert not unretire_certificate(gone, "still wanted", actor=administrator, now=NOW)
    assert [found(query, administrator) for query in ("", "retired=yes")] == [2, 0]
    assert recount() == []
    events = AuditEvent.objects.filter(verb__startswith="certificate.").order_by("number")
    assert [(event.verb, event.after["reason"]) for event in events] == [
        ("certificate.retired", "replaced last year"),
        ("certificate.unretired", "still wanted"),
    ]


def test_what_is_served_is_not_out_of_use(administrator: User) -> None:
    look(issue(), NOW)
    served = Certificate.objects.get(kind="leaf")
    with pytest.raises(ServedError):
        retire_certificate(served, "a guess", actor=administrator, now=NOW)
    served.refresh_from_db()
    assert (served.retired_at, AuditEvent.objects.count()) == (None, 0)


def test_what_is_seen_served_again_counts_again_and_the_audit_says_so(gone: Certificate, administrator: User) -> None:
    retire_certificate(gone, "replaced", actor=administrator, now=NOW)
    look(OLD, NOW + DAY)
    gone.refresh_from_db()
    assert (gone.retired_at, gone.retired_reason, gone.nodes_serving) == (None, "", 1)
    assert recount() == []
    event = AuditEvent.objects.get(verb="certificate.revived")
    assert (event.actor, event.subject_id, event.before["reason"]) == (None, str(gone.pk), "replaced")
    assert event.after["source"] == "Web"


def test_an_endpoint_that_is_taken_back_brings_its_certificate_back(administrator: User) -> None:
    look(issue(), NOW - DAY)
    row, node = Certificate.objects.get(kind="leaf"), Endpoint.objects.get()
    retire_endpoint(node, "switched off", actor=administrator, now=NOW)
    retire_certificate(row, "nobody needs it", actor=administrator, now=NOW)
    assert numbers(None, IN_USE, OWNED) == {IN_USE: {}, OWNED: {}}
    unretire_endpoint(node, "switched on", actor=administrator, now=NOW)
    row.refresh_from_db()
    assert (row.retired_at, row.nodes_serving) == (None, 1)
    assert AuditEvent.objects.filter(verb="certificate.revived").count() == 1
    assert recount() == []


def test_findings_of_a_retired_certificate_are_closed_with_that_word(administrator: User) -> None:
    row = make_certificate(days_left=-3, judge_at=NOW)
    judge_all_due(NOW)
    assert Finding.objects.open().filter(certificate=row).exists()
    retire_certificate(row, "nobody needs it", actor=administrator, now=NOW + DAY)
    judge_all_due(NOW + DAY)
    assert set(Finding.objects.filter(certificate=row).values_list("closing", flat=True)) == {"retired"}
    unretire_certificate(row, "somebody does", actor=administrator, now=NOW + 2 * DAY)
    judge_all_due(NOW + 2 * DAY)
    assert Finding.objects.open().filter(certificate=row, reopened=1).exists()


def test_nobody_retires_what_they_do_not_see_or_may_not_change(viewer: User, stranger: User, web_team: object) -> None:
    row = make_certificate(owner_team=web_team)
    for person in (viewer, stranger):
        with pytest.raises(PermissionDenied):
            retire_certificate(row, "mine", actor=person, now=NOW)


def test_the_page_retires_with_a_reason_and_takes_back(
    client: Client, organisation: Organisation, operator: User
) -> None:
    client.force_login(operator)
    row, url = make_certificate("old.example.org"), "/certificates/{}/{}/"
    assert "Retire this certificate" in client.get(url.format(row.pk, "")[:-1]).text
    assert client.post(url.format(row.pk, "retire"), {"reason": ""}).status_code == 422
    said = client.post(url.format(row.pk, "retire"), {"reason": "replaced <b>"}, follow=True)
    assert "The certificate was retired." in said.text
    assert "replaced &lt;b&gt;" in said.text
    assert "old.example.org" not in client.get("/certificates/").text
    assert "old.example.org" in client.get("/certificates/?retired=yes").text
    assert "retired" in client.get("/search/?q=old.example").text
    assert "counted again" in client.post(url.format(row.pk, "restore"), {"reason": "oh"}, follow=True).text
    served = make_certificate("www.example.org", nodes_serving=1, nodes_total=1)
    make_endpoint(certificate=served)
    refused = client.post(url.format(served.pk, "retire"), {"reason": "a guess"})
    assert (refused.status_code, "It is served, so it is not out of use." in refused.text) == (422, True)
