"""Details: only what differs is written and recorded, and nobody's change is overwritten unseen."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEvent, Team, User
from inventory.models import Certificate, Endpoint, Tag
from inventory.services import ChangedMeanwhileError, describe, details_of, recount, version_of
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["certificate", "endpoint"])
def item(request: pytest.FixtureRequest, web_team: Team) -> Certificate | Endpoint:
    if request.param == "certificate":
        return make_certificate(owner_team=web_team, judge_at=None)
    return make_endpoint(owner_team=web_team, judge_at=None)


def test_only_what_differs_is_written_and_recorded(item: Certificate | Endpoint, operator: User) -> None:
    wanted = {"environment": "test", "application": "", "tags": ["blue", "shop"], "custom_fields": {"room": "4"}}
    assert describe(item, wanted, actor=operator, now=NOW) == {"environment", "tags", "custom_fields"}
    fresh: Any = type(item).objects.get(pk=item.pk)
    assert details_of(fresh) | wanted == details_of(fresh)
    assert fresh.judge_at == NOW
    event = AuditEvent.objects.get()
    assert event.verb == f"{item._meta.model_name}.described"
    assert event.before == {"environment": "", "tags": [], "custom_fields": {}}
    assert event.after == {"environment": "test", "tags": ["blue", "shop"], "custom_fields": {"room": "4"}}


def test_the_same_again_is_no_change(item: Certificate | Endpoint, operator: User) -> None:
    seen = version_of(details_of(item))
    for _ in range(2):
        describe(item, {"tags": ["shop"], "notes": "x"}, actor=operator, now=NOW, version=seen)
    assert AuditEvent.objects.count() == 1
    assert Tag.objects.count() == 1


def test_who_saw_something_else_does_not_overwrite_it(item: Certificate | Endpoint, operator: User) -> None:
    seen = version_of(details_of(item))
    describe(item, {"environment": "test"}, actor=operator, now=NOW, version=seen)
    with pytest.raises(ChangedMeanwhileError) as caught:
        describe(item, {"environment": "production"}, actor=operator, now=NOW, version=seen)
    assert caught.value.details["environment"] == "test"
    current = version_of(caught.value.details)
    assert describe(item, {"environment": "production"}, actor=operator, now=NOW, version=current)


def test_totals_do_not_depend_on_details(item: Certificate | Endpoint, administrator: User) -> None:
    recount()
    describe(item, {"environment": "test", "tags": ["a"]}, actor=administrator, now=NOW)
    assert recount() == []


@pytest.mark.parametrize("role", ["stranger", "viewer", "auditor"])
def test_others_change_nothing(role: str, item: Certificate | Endpoint, request: pytest.FixtureRequest) -> None:
    with pytest.raises(PermissionDenied):
        describe(item, {"notes": "x"}, actor=request.getfixturevalue(role), now=NOW)
    assert not AuditEvent.objects.exists()


def test_nothing_is_kept_if_it_cannot_be_recorded(
    item: Certificate | Endpoint, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("full")

    monkeypatch.setattr("inventory.services.details.audit", refuse)
    with pytest.raises(OSError, match="full"):
        describe(item, {"notes": "x", "tags": ["a"]}, actor=operator, now=NOW)
    fresh: Any = type(item).objects.get(pk=item.pk)
    assert (fresh.notes, Tag.objects.count()) == ("", 0)
