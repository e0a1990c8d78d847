"""The blocks of a page that are edited in place: details and owners, of certificates and of endpoints."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organisation, Team, User
from inventory.models import Certificate, Endpoint, Tag
from tests.inventory.factories import make_certificate, make_endpoint

HTMX = {"HX-Request": "true"}
FULL = {
    "details-environment": "production",
    "details-criticality": "high",
    "details-application": "Shop <b>front</b>",
    "details-purpose": "server",
    "details-exposure": "public",
    "details-tags": "blue, shop",
    "details-regulations": "NIS2, DORA",
    "details-data_lifetime_years": "10",
    "details-custom_fields": "room=4\ncost centre=17",
    "details-notes": "first line\nsecond line",
}

BLANK = dict.fromkeys(FULL, "")


@pytest.fixture
def as_operator(client: Client, organisation: Organisation, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture(params=["certificates", "endpoints"])
def place(request: pytest.FixtureRequest, web_team: Team) -> tuple[str, Certificate | Endpoint]:
    make = make_certificate if request.param == "certificates" else make_endpoint
    item: Any = make(owner_team=web_team)
    return f"/{request.param}/{item.pk}/", item


Place = tuple[str, Certificate | Endpoint]


def words(response: Any) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", response.text).split()))


def version(response: Any) -> str:
    found = re.search(r'name="details-version" value="(\w+)"', response.text)
    assert found
    return found[1]


def test_nothing_known_is_called_not_set(place: Place, as_operator: Client) -> None:
    page = words(as_operator.get(place[0]))
    for name in ("Environment", "Criticality", "Application", "Purpose", "Exposure", "Tags", "Regulations", "Notes"):
        assert f"{name} not set" in page


def test_everything_is_saved_and_shown_without_scripts(place: Place, as_operator: Client) -> None:
    url, item = place
    form = as_operator.get(f"{url}details/")
    assert "<html" in form.text
    saved = as_operator.post(f"{url}details/", {**FULL, "details-version": version(form)}, follow=True)
    assert saved.redirect_chain == [(url, 302)]
    page = words(saved)
    for text in ("Production", "High", "Reachable from the internet", "NIS2", "DORA", "10 years", "room 4", "17"):
        assert text in page
    assert "first line second line" in page
    assert "<b>front</b>" not in saved.text
    assert re.search(r'href="/\w+/\?tag=shop"', saved.text)
    assert AuditEvent.objects.get().verb == f"{item._meta.model_name}.described"
    again = as_operator.get(f"{url}details/")
    assert 'value="blue, shop"' in again.text
    assert "cost centre=17\nroom=4" in again.text
    as_operator.post(f"{url}details/", {**FULL, "details-version": version(again)})
    assert AuditEvent.objects.count() == 1


def test_the_block_is_changed_in_place(place: Place, as_operator: Client) -> None:
    url, _item = place
    form = as_operator.get(f"{url}details/", headers=HTMX)
    assert "<html" not in form.text
    typed = {**BLANK, "details-version": version(form)}
    refused = as_operator.post(f"{url}details/", {**typed, "details-tags": "back office"}, headers=HTMX)
    assert refused.status_code == 422
    assert "“back office” is no tag" in words(refused)
    assert 'aria-invalid="true"' in refused.text
    assert re.search(r'<input[^>]*name="details-tags"[^>]* autofocus', refused.text)
    saved = as_operator.post(f"{url}details/", {**typed, "details-tags": "office"}, headers=HTMX)
    assert (saved.status_code, "<html" in saved.text) == (200, False)
    assert "Saved." in words(saved)
    assert re.search(r"autofocus>\s*<svg.*Edit details", saved.text, re.DOTALL)
    assert ">office</a>" in saved.text


def test_a_change_of_somebody_else_is_shown_before_it_is_overwritten(place: Place, as_operator: Client) -> None:
    url, item = place
    seen = version(as_operator.get(f"{url}details/"))
    as_operator.post(f"{url}details/", {**BLANK, "details-environment": "test", "details-version": seen})
    mine = {**BLANK, "details-environment": "production", "details-notes": "mine", "details-version": seen}
    late = as_operator.post(f"{url}details/", mine, headers=HTMX)
    assert late.status_code == 422
    assert "Somebody changed this meanwhile; it is now: Test" in words(late)
    item.refresh_from_db()
    assert item.environment == "test"
    as_operator.post(f"{url}details/", {**mine, "details-version": version(late)})
    item.refresh_from_db()
    assert (item.environment, item.notes) == ("production", "mine")


@pytest.mark.parametrize("left_out", ["version", "notes", "everything"])
def test_details_that_did_not_arrive_are_not_emptied(left_out: str, place: Place, as_operator: Client) -> None:
    url, item = place
    as_operator.post(f"{url}details/", {**FULL, "details-version": version(as_operator.get(f"{url}details/"))})
    sent = {**BLANK, "details-version": version(as_operator.get(f"{url}details/"))}
    sent.pop(f"details-{left_out}", None)
    refused = as_operator.post(f"{url}details/", {} if left_out == "everything" else sent)
    assert refused.status_code == 422
    assert "The form was incomplete, so nothing was saved." in words(refused)
    item.refresh_from_db()
    assert (item.environment, item.application) == ("production", "Shop <b>front</b>")


@pytest.mark.parametrize("block", ["owner", "details"])
def test_a_body_that_is_no_form_is_refused(block: str, place: Place, as_operator: Client) -> None:
    for kind in ("application/json", "text/plain", ""):
        answer = as_operator.post(f"{place[0]}{block}/", "{}", content_type=kind)
        assert answer.status_code == 415
    assert not AuditEvent.objects.exists()


def test_a_tag_leads_to_all_that_carry_it(place: Place, as_operator: Client) -> None:
    url, _item = place
    seen = version(as_operator.get(f"{url}details/"))
    as_operator.post(f"{url}details/", {**BLANK, "details-tags": "shop", "details-version": seen})
    every = f"{url.rsplit('/', 2)[0]}/"
    assert f'href="{url}"' in as_operator.get(f"{every}?tag=shop").text
    assert f'href="{url}"' not in as_operator.get(f"{every}?tag=other").text


@pytest.mark.parametrize("role", ["viewer", "auditor"])
@pytest.mark.parametrize("block", ["owner", "details"])
def test_readers_change_nothing(
    role: str, block: str, place: Place, client: Client, organisation: Organisation, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get(f"{place[0]}{block}/").status_code == 403
    assert client.post(f"{place[0]}{block}/", FULL).status_code == 403
    page = client.get(place[0]).text
    assert "Edit details" not in page
    assert "Change owner" not in page


def test_the_form_offers_the_words_that_are_used_on_things_that_one_sees(
    client: Client, organisation: Organisation, operator: User, web_team: Team, other_team: Team
) -> None:
    mine = make_certificate(owner_team=web_team, application='till "<b>', custom_fields={"room <i>": "1"})
    mine.tags.add(Tag.objects.create(name="till-tag"))
    theirs = make_certificate(owner_team=other_team, application="ledger", custom_fields={"vault": "1"})
    theirs.tags.add(Tag.objects.create(name="ledger-tag"))
    client.force_login(operator)
    text = client.get(f"/certificates/{make_certificate().pk}/details/").text
    assert '<option value="till &quot;&lt;b&gt;"></option>' in text
    assert "In use: room &lt;i&gt;" in text
    assert "In use: till-tag" in text
    assert ("ledger" in text, "vault" in text) == (False, False)
