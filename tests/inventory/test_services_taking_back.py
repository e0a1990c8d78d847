"""Changes of many are taken back: what nobody touched since becomes what it was, and the rest is left and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django_q.models import OrmQ

from accounts.models import AuditEvent, Membership, Organisation, Team, User
from certdash.lib.work import WorkStatus
from inventory.models import BulkChange, Certificate, ChangedRow, Endpoint, Origin, OwnershipRule, Stood
from inventory.services import ChangeError, assign_owner, begin_change, bulk, recount, take_back_change
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)
COLUMNS = (
    "owner_team", "owner_person", "owner_origin", "owner_reason", "owner_rule", "environment", "criticality", "ruled",
)  # fmt: skip


def stands(model: type[Certificate] | type[Endpoint] = Certificate) -> dict[int, tuple[Any, ...]]:
    return {pk: rest for pk, *rest in model.objects.order_by("pk").values_list("pk", *COLUMNS)}


def told(work: BulkChange) -> tuple[int, int, int]:
    """Changed, left as they are, left out."""
    work.refresh_from_db()
    assert work.status == WorkStatus.DONE
    return work.changed, work.done - work.changed, work.skipped


@pytest.fixture
def rule(web_team: Team) -> OwnershipRule:
    return OwnershipRule.objects.create(
        name="shops", position=1, name_pattern="*.shop.example", team=web_team, environment="production"
    )


def apply(administrator: User, subject: str = "certificates") -> BulkChange:
    return begin_change(subject, "rules", "", {}, actor=administrator, now=NOW)


@pytest.mark.usefixtures("rule")
def test_what_rules_said_is_taken_back_with_totals(administrator: User, other_team: Team) -> None:
    for n in range(3):
        make_certificate(f"{n}.shop.example")
    make_certificate("3.shop.example", owner_team=other_team, owner_origin=Origin.MANUAL, owner_reason="theirs")
    make_endpoint("192.0.2.1", server_name="4.shop.example")
    recount()
    before = stands(), stands(Endpoint)
    works = [apply(administrator, subject) for subject in ("certificates", "endpoints")]
    assert [told(work)[0] for work in works] == [4, 1]
    assert Stood.objects.count() == 4
    undone = [take_back_change(work, actor=administrator, now=LATER) for work in works]
    assert [told(undo) for undo in undone] == [(4, 0, 0), (1, 0, 0)]
    assert (stands(), stands(Endpoint)) == before
    assert recount() == []
    assert set(Certificate.objects.values_list("judge_at", flat=True)) == {LATER}
    event = AuditEvent.objects.order_by("number").last()
    assert event is not None
    assert (event.verb, event.after["count"], event.after["undoes"]) == (
        "endpoints.changed_in_bulk",
        1,
        works[1].pk,
    )
    for work in works:
        with pytest.raises(ChangeError):
            take_back_change(work, actor=administrator, now=LATER)


def test_what_somebody_changed_since_stays_and_so_does_what_cannot_be_restored(
    administrator: User, rule: OwnershipRule, web_team: Team, other_team: Team
) -> None:
    gone = Team.objects.create(name="Gone", slug="gone")
    rows = [make_certificate(f"{n}.shop.example") for n in range(4)]
    Certificate.objects.filter(pk=rows[2].pk).update(owner_team=gone, owner_origin=Origin.INFERRED, owner_reason="x")
    work = apply(administrator)
    assign_owner([rows[0].pk], other_team, None, "no, ours", actor=administrator, now=NOW)
    Certificate.objects.filter(pk=rows[1].pk).update(environment="test", ruled={})
    gone.delete()
    rows[3].delete()
    before = stands()
    undo = take_back_change(work, actor=administrator, now=LATER)
    assert told(undo) == (0, 3, 1)
    assert stands() == before
    assert OwnershipRule.objects.get() == rule
    assert Certificate.objects.get(pk=rows[2].pk).owner_team == web_team


def test_who_changed_owners_takes_that_back_where_they_still_may(
    operator: User, viewer: User, stranger: User, auditor: User, web_team: Team, other_team: Team
) -> None:
    rows = [make_certificate(f"{n}.example.org") for n in range(2)]
    before = stands()
    to_web = {"team": web_team.pk, "person": viewer.pk}
    work = begin_change("certificates", "owner", [row.pk for row in rows], to_web, "mine", actor=operator, now=NOW)
    assert ChangedRow.objects.filter(work=work).count() == 2
    for other in (viewer, stranger, auditor):
        with pytest.raises(PermissionDenied):
            take_back_change(work, actor=other, now=LATER)
    Certificate.objects.filter(pk=rows[1].pk).update(owner_team=other_team)
    assert told(take_back_change(work, actor=operator, now=LATER)) == (1, 0, 1)
    assert stands()[rows[0].pk] == before[rows[0].pk]
    assert Certificate.objects.get(pk=rows[1].pk).owner_team == other_team
    Certificate.objects.filter(pk=rows[1].pk).update(owner_team=web_team)
    assert told(take_back_change(work, actor=operator, now=LATER)) == (1, 1, 0)
    assert stands() == before


def test_a_change_that_changed_nothing_or_keeps_nothing_is_not_taken_back(operator: User, web_team: Team) -> None:
    row = make_certificate(owner_team=web_team)
    tags = begin_change("certificates", "tags", [row.pk], {"add": ["shop"]}, actor=operator, now=NOW)
    same = begin_change("certificates", "tags", [row.pk], {"add": ["shop"]}, actor=operator, now=NOW)
    for work in (tags, same):
        work.refresh_from_db()
        with pytest.raises(ChangeError):
            take_back_change(work, actor=operator, now=NOW)
    assert not begin_change("certificates", "undo", "", {}, actor=operator, now=NOW).changed


@pytest.mark.usefixtures("rule")
def test_more_are_a_job_and_rights_are_asked_for_each_batch(
    administrator: User, web_team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    Membership.objects.create(user=administrator, team=web_team)
    for n in range(5):
        make_certificate(f"{n}.shop.example")
    before = stands()
    work = apply(administrator)
    work.refresh_from_db()
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    monkeypatch.setattr(bulk, "BATCH", 2)
    undo = take_back_change(work, actor=administrator, now=LATER)
    assert (undo.status, OrmQ.objects.count()) == (WorkStatus.QUEUED, 1)
    with pytest.raises(ChangeError):
        take_back_change(work, actor=administrator, now=LATER)
    User.objects.filter(pk=administrator.pk).update(role="operator")
    bulk.run_change(undo.pk, "a", lambda: LATER)
    undo.refresh_from_db()
    assert (undo.status, undo.changed) == (WorkStatus.FAILED, 0)
    User.objects.filter(pk=administrator.pk).update(role="administrator")
    again = take_back_change(work, actor=User.objects.get(pk=administrator.pk), now=LATER)
    bulk.run_change(again.pk, "a", lambda: LATER)
    assert told(again) == (5, 0, 0)
    assert stands() == before


def test_the_page_offers_it_to_whom_may_and_says_what_became(
    client: Client, organisation: Organisation, operator: User, administrator: User, web_team: Team
) -> None:
    row = make_certificate("shop.example.org")
    client.force_login(operator)
    change = {"team": web_team.pk, "person": None}
    work = begin_change("certificates", "owner", [row.pk], change, "mine", actor=operator, now=NOW)
    url = f"/changes/{work.pk}/"
    assert "Take this change back" in client.get(url).text
    page = client.post(f"{url}take-back/", follow=True)
    assert "Restored" in page.text
    assert f'href="{url}"' in page.text
    row.refresh_from_db()
    assert row.owner_team is None
    before = client.get(url).text
    assert "Take this change back" not in before
    assert "Taken back" in before
    assert "cannot be taken back" in client.post(f"{url}take-back/", follow=True).text
    Membership.objects.all().delete()
    client.force_login(administrator)
    assert client.get(url).status_code == 200
