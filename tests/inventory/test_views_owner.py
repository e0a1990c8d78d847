"""The owner of a certificate or an endpoint, changed on its page, and by two people at once."""

from __future__ import annotations

import html
import re
from typing import Any, TypeAlias

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organisation, Role, Team, User
from inventory.models import Certificate, Endpoint, Origin
from inventory.models.standing import reason_of_row
from tests.conftest import MakeUser
from tests.inventory.factories import make_certificate, make_endpoint

HTMX = {"HX-Request": "true"}
Place: TypeAlias = tuple[str, Certificate | Endpoint]


@pytest.fixture
def as_operator(client: Client, organisation: Organisation, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture(params=["certificates", "endpoints"])
def place(request: pytest.FixtureRequest, as_operator: Client) -> Place:
    """Something that nobody owns, and the address of its owner's form."""
    item: Any = make_certificate() if request.param == "certificates" else make_endpoint(judge_at=None)
    return f"/{request.param}/{item.pk}/owner/", item


def words(response: Any) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", response.text).split()))


def filled(response: Any, **typed: Any) -> dict[str, Any]:
    """The form as it was shown, with what somebody chose in it."""
    version = re.search(r'name="owner-version" value="(\w+)"', response.text)
    assert version
    chosen = {"team": "web", "person": "", "reason": "it is ours", "version": version[1], **typed}
    return {f"owner-{name}": value for name, value in chosen.items()}


def test_an_operator_changes_the_owner_in_place(
    place: Place, as_operator: Client, operator: User, web_team: Team
) -> None:
    url, item = place
    form = as_operator.get(url, headers=HTMX)
    assert "<html" not in form.text
    refused = as_operator.post(url, filled(form, reason=""), headers=HTMX)
    assert (refused.status_code, 'aria-invalid="true"' in refused.text) == (422, True)
    saved = as_operator.post(url, filled(form, person=operator.pk), headers=HTMX)
    assert ("<html" in saved.text, "chosen by a person" in words(saved)) == (False, True)
    item.refresh_from_db()
    assert (item.owner_team, item.owner_person, item.owner_origin) == (web_team, operator, Origin.MANUAL)
    assert item.judge_at is not None
    event = AuditEvent.objects.get()
    assert (event.verb, event.after["reason"]) == (f"{item._meta.model_name}.owner_changed", "it is ours")


def test_the_owner_can_be_changed_without_scripts(place: Place, as_operator: Client, other_team: Team) -> None:
    url, _item = place
    form = as_operator.get(url)
    assert "Save owner" in form.text
    gone = as_operator.post(url, filled(form, team="payments", reason="theirs"), follow=True)
    assert gone.redirect_chain == [(f"/{url.split('/')[1]}/", 302)]
    assert "You no longer see it." in gone.text


def test_who_gives_something_away_inside_a_page_is_led_to_the_list(
    place: Place, as_operator: Client, other_team: Team
) -> None:
    url, _item = place
    gone = as_operator.post(url, filled(as_operator.get(url), team="payments"), headers=HTMX)
    assert gone.headers["HX-Redirect"] == f"/{url.split('/')[1]}/"


def test_an_owner_that_did_not_arrive_is_not_removed(place: Place, as_operator: Client, web_team: Team) -> None:
    url, item = place
    type(item).objects.update(owner_team=web_team)
    whole = filled(as_operator.get(url), team="")
    for left_out in ("team", "person", "version"):
        sent = {name: value for name, value in whole.items() if name != f"owner-{left_out}"}
        refused = as_operator.post(url, sent)
        assert (refused.status_code, "The form was incomplete" in words(refused)) == (422, True)
    assert as_operator.post(url, {**whole, "owner-version": ""}).status_code == 422
    item.refresh_from_db()
    assert item.owner_team == web_team


def test_of_two_people_the_second_is_told_whose_it_became(
    place: Place, as_operator: Client, administrator: User, operator: User, web_team: Team
) -> None:
    url, item = place
    other = Client()
    other.force_login(administrator)
    mine, theirs = as_operator.get(url), other.get(url)
    other.post(url, filled(theirs, person=administrator.pk, reason="I look after it"))
    late = as_operator.post(url, filled(mine, person=operator.pk), headers=HTMX)
    assert late.status_code == 422
    assert "Somebody changed this meanwhile; it is now: ada@example.org" in words(late)
    assert "Their reason: I look after it" in words(late)
    assert "Nothing was saved yet." in words(late)
    item.refresh_from_db()
    assert (item.owner_person, AuditEvent.objects.count()) == (administrator, 1)
    as_operator.post(url, filled(late, person=operator.pk), headers=HTMX)
    item.refresh_from_db()
    assert (item.owner_team, item.owner_person) == (web_team, operator)


def test_two_people_who_choose_the_same_are_not_in_each_others_way(
    place: Place, as_operator: Client, administrator: User, web_team: Team
) -> None:
    url, _item = place
    other = Client()
    other.force_login(administrator)
    mine, theirs = as_operator.get(url), other.get(url)
    other.post(url, filled(theirs))
    assert as_operator.post(url, filled(mine), headers=HTMX).status_code == 200
    assert AuditEvent.objects.count() == 1


def test_what_is_left_to_nobody_for_a_reason_keeps_the_reason(place: Place, as_operator: Client) -> None:
    url, item = place
    as_operator.post(url, filled(as_operator.get(url), team="", reason="a test machine, nobody's"))
    item.refresh_from_db()
    assert (item.owner_team, item.owner_reason) == (None, "a test machine, nobody's")
    assert AuditEvent.objects.get().after["reason"] == "a test machine, nobody's"


def test_what_a_row_of_a_spreadsheet_said_is_told_with_its_file_and_who_imported_it(
    place: Place, as_operator: Client, make_user: MakeUser, web_team: Team
) -> None:
    _url, item = place
    reason = reason_of_row(12, "estate <b>.csv", "ada@example.org")
    type(item).objects.update(owner_team=web_team, owner_origin=Origin.MANUAL, owner_reason=reason)
    noun = type(item)._meta.model_name
    page = words(as_operator.get(f"/{noun}s/{item.pk}/"))
    as_operator.force_login(make_user("root@example.org", role=Role.ADMINISTRATOR))
    for shown in (page, words(as_operator.get(f"/admin/inventory/{noun}/{item.pk}/change/"))):
        assert "by a row of a spreadsheet, which counts as chosen by a person" in shown
        assert "Row 12 of estate <b>.csv, imported by ada@example.org." in shown
