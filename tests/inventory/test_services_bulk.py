"""Changes of many: each row asked for again, one event at the end, and a killed worker whose successor goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django_q.models import OrmQ

from accounts.models import AuditEvent, Membership, Team, User
from certdash.lib.work import WorkStatus
from inventory.models import BulkChange, Certificate, Endpoint, Origin
from inventory.services import bulk, recount
from inventory.services.bulk_kinds import KINDS, MOST_NOTES
from inventory.services.bulk_preview import would_change
from tests.conftest import NOW, MakeUser
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
TAG = {"add": ["shop"]}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs and batches at sizes that tests can wait for."""
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    monkeypatch.setattr(bulk, "BATCH", 2)


def clock() -> Any:
    return NOW


def tagged(name: str = "shop") -> set[int]:
    return set(Certificate.objects.filter(tags__name=name).values_list("pk", flat=True))


def test_few_are_changed_at_once_and_told_in_one_event(operator: User, web_team: Team) -> None:
    rows = [make_certificate(f"{n}.example.org", owner_team=web_team) for n in range(3)]
    work = bulk.begin_change("certificates", "tags", "team=web", TAG, actor=operator, now=NOW)
    work.refresh_from_db()
    assert (work.status, work.changed, work.done, work.total, work.skipped) == (WorkStatus.DONE, 3, 3, 3, 0)
    assert tagged() == {row.pk for row in rows}
    event = AuditEvent.objects.get()
    assert event.verb == "certificates.changed_in_bulk"
    assert (event.after["count"], len(event.after["digest"]), event.after["filter"]) == (3, 64, "team=web")
    assert not OrmQ.objects.exists()


def test_the_same_again_changes_nothing(operator: User, web_team: Team) -> None:
    make_certificate(owner_team=web_team)
    bulk.begin_change("certificates", "tags", "", TAG, actor=operator, now=NOW)
    work = bulk.begin_change("certificates", "tags", "", TAG, actor=operator, now=NOW)
    work.refresh_from_db()
    assert (work.changed, work.digest) == (0, "")


def test_ticked_rows_of_other_teams_are_left_as_they_are(operator: User, web_team: Team, other_team: Team) -> None:
    mine, theirs = make_certificate(owner_team=web_team), make_certificate(owner_team=other_team)
    work = bulk.begin_change("certificates", "tags", [mine.pk, theirs.pk, 999_999], TAG, actor=operator, now=NOW)
    work.refresh_from_db()
    assert (tagged(), work.changed, work.skipped) == ({mine.pk}, 1, 2)


def test_a_filter_that_is_not_understood_changes_nothing(operator: User, web_team: Team, other_team: Team) -> None:
    make_certificate(owner_team=web_team)
    for query in ("team=payments", "nonsense=1"):
        with pytest.raises(bulk.ChangeError):
            bulk.begin_change("certificates", "tags", query, TAG, actor=operator, now=NOW)
    assert not tagged()
    assert not BulkChange.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_only_reads_begins_nothing(role: str, request: pytest.FixtureRequest, web_team: Team) -> None:
    make_certificate(owner_team=web_team)
    with pytest.raises(PermissionDenied):
        bulk.begin_change("certificates", "tags", "", TAG, actor=request.getfixturevalue(role), now=NOW)
    assert not BulkChange.objects.exists()


def test_an_owner_is_given_with_totals(operator: User, web_team: Team, other_team: Team) -> None:
    rows = [make_certificate(f"{n}.example.org", owner_team=None) for n in range(3)]
    recount()
    change = {"team": other_team.pk, "person": None}
    bulk.begin_change("certificates", "owner", "team=none", change, "theirs", actor=operator, now=NOW)
    owned = Certificate.objects.filter(owner_team=other_team, owner_origin=Origin.MANUAL, owner_reason="theirs")
    assert owned.count() == len(rows)
    assert recount() == []


def test_details_are_set_and_no_rule_keeps_them(operator: User, web_team: Team) -> None:
    row = make_certificate(
        owner_team=web_team, environment="test", custom_fields={"room": "4", "rack": "1"}, ruled={"environment": 7}
    )
    change = {"set": {"environment": "production", "application": ""}, "fields": {"room": "5", "rack": None}}
    bulk.begin_change("certificates", "details", "", change, actor=operator, now=NOW)
    row.refresh_from_db()
    assert (row.environment, row.custom_fields, row.ruled, row.judge_at) == (
        "production",
        {"room": "5"},
        {"application": 0},
        NOW,
    )


RULED: dict[str, dict[str, Any]] = {
    "said by nobody": {},
    "said by a person": {"environment": "production"},
    "said by a rule": {"environment": "production", "ruled": {"environment": 7}},
    "another word of a rule": {"environment": "staging", "ruled": {"environment": 7, "application": 7}},
    "emptied by a person": {"ruled": {"environment": 0}},
    "another field of a rule": {"criticality": "high", "ruled": {"criticality": 7}},
}


@pytest.mark.parametrize("wanted", [{"environment": "production"}, {"environment": ""}, {"purpose": "server"}])
def test_a_preview_of_what_rules_set_is_what_is_done(wanted: dict[str, str], operator: User, web_team: Team) -> None:
    for name, columns in RULED.items():
        make_certificate(name, owner_team=web_team, **columns)
    change = {"set": wanted, "fields": {}, "under": [], "not_under": [], "note": ""}
    shown = set(would_change(Certificate.objects.all(), "details", change, "").values_list("pk", flat=True))
    before = dict(Certificate.objects.values_list("pk", "judge_at"))
    work = bulk.begin_change("certificates", "details", "", change, actor=operator, now=NOW)
    work.refresh_from_db()
    assert shown == {pk for pk, at in Certificate.objects.values_list("pk", "judge_at") if at != before[pk]}
    assert work.changed == len(shown)
    assert not would_change(Certificate.objects.all(), "details", change, "").exists()


def test_regulations_and_notes_are_added_to_what_stands_there(operator: User, web_team: Team) -> None:
    row = make_certificate(
        owner_team=web_team, regulations=["NIS2", "PCI DSS"], notes="Ask Ada.", data_lifetime_years=3
    )
    full = make_certificate(owner_team=web_team, notes="x" * MOST_NOTES)
    change = {"set": {"data_lifetime_years": 0}, "under": ["DORA"], "not_under": ["PCI DSS"], "note": "Moves in May."}
    bulk.begin_change("certificates", "details", "", change, actor=operator, now=NOW)
    again = bulk.begin_change("certificates", "details", "", change, actor=operator, now=NOW)
    row.refresh_from_db()
    full.refresh_from_db()
    assert (row.regulations, row.notes, row.data_lifetime_years) == (["NIS2", "DORA"], "Ask Ada.\nMoves in May.", 0)
    assert (full.regulations, full.notes) == (["DORA"], "x" * MOST_NOTES)
    again.refresh_from_db()
    assert again.changed == 0


def test_tags_are_taken_away_from_who_has_them(operator: User, web_team: Team) -> None:
    with_tag, _without = make_certificate(owner_team=web_team), make_certificate(owner_team=web_team)
    bulk.begin_change("certificates", "tags", [with_tag.pk], TAG, actor=operator, now=NOW)
    work = bulk.begin_change("certificates", "tags", "", {"remove": ["shop"]}, actor=operator, now=NOW)
    work.refresh_from_db()
    assert (tagged(), work.changed) == (set(), 1)


def test_endpoints_are_retired_and_come_back_with_totals(operator: User, web_team: Team) -> None:
    certificate = make_certificate(owner_team=web_team, nodes_serving=1, nodes_total=1, served_ever=True)
    endpoint = make_endpoint(certificate=certificate, owner_team=web_team)
    recount()
    bulk.begin_change("endpoints", "retire", [endpoint.pk], {}, "gone", actor=operator, now=NOW)
    endpoint.refresh_from_db()
    certificate.refresh_from_db()
    assert (endpoint.retired_at, endpoint.retired_reason, certificate.nodes_serving) == (NOW, "gone", 0)
    assert recount() == []
    bulk.begin_change("endpoints", "unretire", "retired=yes", {}, "back", actor=operator, now=NOW)
    assert Endpoint.objects.get().retired_at is None
    assert recount() == []


def test_what_is_served_is_not_retired(operator: User, web_team: Team) -> None:
    served = make_certificate("a.example.org", owner_team=web_team, nodes_serving=1)
    unused = make_certificate("b.example.org", owner_team=web_team)
    bulk.begin_change("certificates", "retire", [served.pk, unused.pk], {}, "old", actor=operator, now=NOW)
    assert set(Certificate.objects.filter(retired_at=NOW)) == {unused}


# --- jobs -------------------------------------------------------------------------------------------


def begun(operator: User, team: Team, count: int = 5) -> BulkChange:
    for number in range(count):
        make_certificate(f"{number}.example.org", owner_team=team)
    return bulk.begin_change("certificates", "tags", "team=web", TAG, actor=operator, now=NOW)


@pytest.mark.usefixtures("few")
def test_many_wait_for_a_worker(operator: User, web_team: Team) -> None:
    work = begun(operator, web_team)
    assert (work.status, tagged(), OrmQ.objects.count()) == (WorkStatus.QUEUED, set(), 1)
    bulk.run_change(work.pk, "worker", clock)
    work.refresh_from_db()
    assert (work.status, work.changed, work.done, work.total) == (WorkStatus.DONE, 5, 5, 5)
    verbs = list(AuditEvent.objects.order_by("number").values_list("verb", flat=True))
    assert verbs == ["certificates.change_begun", "certificates.changed_in_bulk"]
    bulk.run_change(work.pk, "another", clock)
    assert AuditEvent.objects.count() == 2


@pytest.mark.usefixtures("few")
def test_a_killed_worker_is_followed_behind_its_last_row(
    operator: User, web_team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = begun(operator, web_team)
    whole = KINDS["tags"]
    seen: list[int] = []

    def dies_in_its_second_batch(batch: Any) -> list[str]:
        names = whole(batch)
        if seen:
            raise KeyboardInterrupt
        seen.extend(batch.pks)
        return names

    monkeypatch.setitem(KINDS, "tags", dies_in_its_second_batch)
    with pytest.raises(KeyboardInterrupt):
        bulk.run_change(work.pk, "killed", clock)
    # What it had not finished is not there, and nobody takes the work before its lease has run out.
    assert (tagged(), bulk.resume_changes(NOW)) == (set(seen), 0)
    later = NOW + timedelta(minutes=2)
    assert (bulk.resume_changes(later), bulk.resume_changes(later)) == (1, 0)

    def notes(batch: Any) -> list[str]:
        seen.extend(batch.pks)
        return whole(batch)

    monkeypatch.setitem(KINDS, "tags", notes)
    bulk.run_change(work.pk, "successor", lambda: later)
    work.refresh_from_db()
    assert (work.status, work.changed, len(seen), len(set(seen))) == (WorkStatus.DONE, 5, 5, 5)
    assert AuditEvent.objects.filter(verb="certificates.changed_in_bulk").count() == 1


@pytest.mark.usefixtures("few")
def test_a_job_sees_what_its_author_may_see_by_now(operator: User, web_team: Team) -> None:
    work = begun(operator, web_team)
    Membership.objects.filter(user=operator).delete()
    bulk.run_change(work.pk, "worker", clock)
    work.refresh_from_db()
    assert (work.status, tagged()) == (WorkStatus.FAILED, set())
    assert "team" in work.error


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("loss", [{"role": "viewer"}, {"is_active": False}, {"ends_at": NOW}])
def test_a_job_ends_with_the_rights_of_its_author(loss: dict[str, Any], operator: User, web_team: Team) -> None:
    work = begun(operator, web_team)
    User.objects.filter(pk=operator.pk).update(**loss)
    bulk.run_change(work.pk, "worker", clock)
    work.refresh_from_db()
    assert (work.status, tagged(), bool(work.error)) == (WorkStatus.FAILED, set(), True)


@pytest.mark.usefixtures("few")
def test_a_cancelled_job_takes_back_the_batch_it_was_in(
    operator: User, web_team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = begun(operator, web_team)
    whole = KINDS["tags"]

    def cancels(batch: Any) -> list[str]:
        bulk.cancel_change(work, actor=operator, now=NOW)
        return whole(batch)

    monkeypatch.setitem(KINDS, "tags", cancels)
    bulk.run_change(work.pk, "worker", clock)
    assert tagged() == set()


@pytest.mark.usefixtures("few")
def test_only_its_author_and_administrators_cancel(operator: User, web_team: Team, make_user: MakeUser) -> None:
    work = begun(operator, web_team)
    other = make_user("otto@example.org", operator.role, web_team)
    assert not bulk.cancel_change(work, actor=other, now=NOW)
    assert bulk.cancel_change(work, actor=operator, now=NOW)
    assert not bulk.cancel_change(work, actor=operator, now=NOW)


@pytest.mark.usefixtures("few")
def test_a_job_lets_others_have_the_worker(operator: User, web_team: Team) -> None:
    work = begun(operator, web_team)
    moments = iter(NOW + timedelta(seconds=20 * n) for n in range(100))
    bulk.run_change(work.pk, "worker", lambda: next(moments))
    work.refresh_from_db()
    assert work.status == WorkStatus.QUEUED
    assert 0 < work.done < work.total
    assert OrmQ.objects.count() == 2
