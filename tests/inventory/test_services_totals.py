"""Kept totals: equal to the rows after every change, per scope, and put right where they are not."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import AuditEvent, Team, TickRun, User
from inventory import tasks
from inventory.models import Certificate, Endpoint, Total
from inventory.services import adjust, assign_endpoint_owner, assign_owner, numbers, recount
from inventory.services.totals import CERTIFICATES, ENDPOINTS, EXPIRY_DAY, IN_USE, KEY, UNOWNED, Share
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint
from tests.inventory.test_services_standing import DAY, certificate, issue, note, spot

pytestmark = pytest.mark.django_db


def test_totals_follow_what_is_served() -> None:
    old, new = issue(), issue(days_old=1)
    note({spot("192.0.2.1"): [old], spot("192.0.2.2", "other.example.org"): None})
    assert numbers(None, CERTIFICATES, IN_USE, ENDPOINTS, KEY) == {
        CERTIFICATES: {"leaf": 1},
        IN_USE: {"": 1},
        ENDPOINTS: {"total": 2, "served": 1, "unreachable": 1},
        KEY: {"ECDSA P-256": 1},
    }
    note({spot("192.0.2.1"): [new]}, NOW + DAY)
    assert numbers(None, CERTIFICATES, IN_USE, UNOWNED) == {
        CERTIFICATES: {"leaf": 2},
        IN_USE: {"": 1},
        UNOWNED: {"all": 2, "in_use": 1},
    }
    day = certificate(new).not_after
    assert day
    assert numbers(None, EXPIRY_DAY) == {EXPIRY_DAY: {f"{day:%Y-%m-%d}": 1}}
    assert recount() == []


def test_a_person_gets_the_sum_of_what_they_may_see(
    administrator: User, operator: User, stranger: User, web_team: Team
) -> None:
    for n in range(3):
        note({spot(f"192.0.2.{n}", f"h{n}.example.org"): [issue(f"h{n}.example.org")]})
    mine = Certificate.objects.order_by("pk").values_list("pk", flat=True)[:2]
    assign_owner(mine, web_team, None, "the web team asked for it", actor=administrator, now=NOW)
    assert numbers(administrator, IN_USE) == {IN_USE: {"": 3}}
    assert numbers(operator, IN_USE, mine=True) == {IN_USE: {"": 2}}
    assert numbers(operator, IN_USE) == {IN_USE: {"": 3}}
    assert numbers(stranger, IN_USE) == {IN_USE: {"": 1}}
    assert recount() == []


def test_hidden_unowned_rows_are_not_counted_for_others(operator: User, settings: Settings) -> None:
    note({spot(): [issue()]})
    settings.HIDE_UNOWNED = True
    assert numbers(operator, IN_USE) == {IN_USE: {}}


def test_a_drift_is_found_and_put_right() -> None:
    note({spot(): [issue()]})
    adjust({(None, IN_USE, ""): 5, (None, KEY, "RSA 512"): 1})
    assert [str(drift) for drift in recount()] == ["in_use : kept 6, counted 1", "key RSA 512: kept 1, counted 0"]
    assert recount() == []


def test_the_dimensions_of_others_are_left_alone() -> None:
    adjust({(None, "risk", "expired"): 3})
    assert recount() == []
    assert Total.objects.get(dimension="risk").count == 3


def test_the_nightly_task_tells_of_a_drift() -> None:
    adjust({(None, IN_USE, ""): 1})
    with pytest.raises(tasks.DriftError):
        tasks.recount()
    assert "in_use" in TickRun.objects.get(name="recount").error
    tasks.recount()
    assert TickRun.objects.get(name="recount").error == ""


def test_adding_to_many_cells_adds_to_each() -> None:
    cells: dict[Share, int] = {(None, "risk", f"code {n}"): n for n in range(450)}
    adjust(cells)
    adjust(cells)
    assert sum(Total.objects.values_list("count", flat=True)) == 2 * sum(cells.values())


def test_an_owner_is_changed_with_a_reason_and_an_event(operator: User, web_team: Team) -> None:
    note({spot(): [issue()]})
    row = Certificate.objects.get()
    assert assign_owner([row.pk], web_team, operator, "ours", actor=operator, now=NOW) == 1
    assert assign_owner([row.pk], web_team, operator, "ours", actor=operator, now=NOW) == 0
    row.refresh_from_db()
    assert (row.owner_team, row.owner_person, row.owner_origin) == (web_team, operator, "manual")
    event = AuditEvent.objects.get()
    assert (event.verb, event.after["team"], event.after["reason"]) == ("certificate.owner_changed", "Web", "ours")


def test_many_owners_are_one_event_with_a_digest(administrator: User, web_team: Team) -> None:
    note({spot(f"192.0.2.{n}", f"h{n}.example.org"): [issue(f"h{n}.example.org")] for n in range(3)})
    every = Certificate.objects.values_list("pk", flat=True)
    assert assign_owner(every, web_team, None, "moved", actor=administrator, now=NOW) == 3
    event = AuditEvent.objects.get()
    assert event.after["count"] == 3
    assert len(event.after["digest"]) == 64


def test_the_price_of_many_owners_does_not_grow_with_them(
    administrator: User, web_team: Team, other_team: Team, operator: User
) -> None:
    note({spot(f"192.0.2.{n}", f"h{n}.example.org"): [issue(f"h{n}.example.org")] for n in range(12)})
    every = list(Certificate.objects.values_list("pk", flat=True))
    assign_owner(every, web_team, operator, "ours", actor=administrator, now=NOW)
    # The first makes the totals of the other team.
    assign_owner(every[:1], other_team, None, "moved", actor=administrator, now=NOW)
    with CaptureQueriesContext(connection) as few:
        assert assign_owner(every[1:3], other_team, None, "moved", actor=administrator, now=NOW) == 2
    with CaptureQueriesContext(connection) as many:
        assert assign_owner(every[3:], other_team, None, "moved", actor=administrator, now=NOW) == 9
    assert len(many) == len(few)


def test_nobody_takes_what_they_do_not_see(
    administrator: User, stranger: User, viewer: User, web_team: Team, other_team: Team
) -> None:
    note({spot(): [issue()]})
    pk = Certificate.objects.get().pk
    assign_owner([pk], web_team, None, "ours", actor=administrator, now=NOW)
    for person in (stranger, viewer):
        with pytest.raises(PermissionDenied):
            assign_owner([pk], other_team, None, "mine now", actor=person, now=NOW)
    assert Certificate.objects.get().owner_team == web_team


def test_who_confirms_an_inferred_owner_makes_it_a_decision(administrator: User, web_team: Team) -> None:
    note({spot(): [issue()]})
    Certificate.objects.update(owner_team=web_team, owner_origin="inferred")
    pk = Certificate.objects.get().pk
    assert assign_owner([pk], web_team, None, "I know it", actor=administrator, now=NOW) == 1
    assert Certificate.objects.get().owner_origin == "manual"
    assert AuditEvent.objects.get().before["origin"] == "inferred"


def test_a_changed_reason_keeps_the_old_one_in_the_audit_log(administrator: User, web_team: Team) -> None:
    note({spot(f"192.0.2.{n}", f"h{n}.example.org"): [issue(f"h{n}.example.org")] for n in range(2)})
    every = list(Certificate.objects.order_by("pk").values_list("pk", flat=True))
    for reason, which in (("old", every), ("new", every), ("newest", every[:1])):
        assign_owner(which, web_team, None, reason, actor=administrator, now=NOW)
    _, many, one = AuditEvent.objects.order_by("pk")
    assert [row["reason"] for row in many.before["first"]] == ["old", "old"]
    assert (one.before["reason"], one.after["reason"]) == ("new", "newest")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="there, each value is a parameter")
@pytest.mark.parametrize(("make", "assign"), [(make_endpoint, assign_endpoint_owner), (make_certificate, assign_owner)])
def test_more_rows_than_a_statement_takes_parameters_change_their_owner_at_once(
    make: Callable[[], Certificate | Endpoint], assign: Callable[..., int], administrator: User, web_team: Team
) -> None:
    first = make()
    columns = {
        field.attname: getattr(first, field.attname) for field in first._meta.concrete_fields if field.name != "id"
    }
    differs = "port" if isinstance(first, Endpoint) else "sha256"
    model: Any = type(first)
    model.objects.bulk_create(model(**columns | {differs: n}) for n in range(1000, 1150))
    every = list(model.objects.values_list("pk", flat=True))
    before = connection.connection.setlimit(SQLITE_LIMIT_VARIABLE_NUMBER, 100)
    try:
        assert assign(every, web_team, None, "ours", actor=administrator, now=NOW) == 151
    finally:
        connection.connection.setlimit(SQLITE_LIMIT_VARIABLE_NUMBER, before)


def test_the_owner_of_endpoints_is_kept_and_counted_alike(
    operator: User, stranger: User, web_team: Team, other_team: Team
) -> None:
    note({spot(f"192.0.2.{n}", f"h{n}.example.org"): None for n in range(2)})
    Endpoint.objects.update(judge_at=None)
    every = list(Endpoint.objects.values_list("pk", flat=True))
    assert assign_endpoint_owner(every, web_team, operator, "ours", actor=operator, now=NOW) == 2
    assert assign_endpoint_owner(every, web_team, operator, "ours", actor=operator, now=NOW) == 0
    assert {row.owner_team for row in Endpoint.objects.all()} == {web_team}
    assert set(Endpoint.objects.values_list("judge_at", "owner_origin")) == {(NOW, "manual")}
    assert numbers(operator, ENDPOINTS, mine=True)[ENDPOINTS]["total"] == 2
    assert recount() == []
    event = AuditEvent.objects.get()
    assert (event.verb, event.after["count"]) == ("endpoints.owner_changed", 2)
    assert event.before["first"][0]["place"] == "192.0.2.0:443"
    with pytest.raises(PermissionDenied):
        assign_endpoint_owner(every, other_team, None, "mine now", actor=stranger, now=NOW)
