"""Changing many from a list: what is meant, what would change, and that nobody reaches what is not theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, Team, User
from inventory.models import BulkChange, Certificate, Endpoint
from inventory.services import recount
from tests.conftest import MakeUser
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
URL = "/certificates/change/"
TAG = {"kind": "tags", "change-add": "shop", "change-remove": ""}


@pytest.fixture
def estate(web_team: Team, other_team: Team, today: datetime) -> dict[str, Certificate]:
    rows = {
        "one": make_certificate("one.example.org", owner_team=web_team, now=today),
        "two": make_certificate("two.example.org", owner_team=web_team, now=today),
        "theirs": make_certificate("theirs.example.org", owner_team=other_team, now=today),
    }
    recount()
    return rows


@pytest.fixture
def client(operator: User, organisation: Any) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def post(client: Client, step: str, url: str = URL, **sent: Any) -> Any:
    return client.post(url, {"scope": "all", "query": "", "step": step, **TAG, **sent})


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def tagged() -> set[str]:
    return set(Certificate.objects.filter(tags__name="shop").values_list("name", flat=True))


@pytest.mark.usefixtures("estate")
def test_the_list_offers_what_can_be_changed_to_those_who_may(client: Client, make_user: MakeUser) -> None:
    page = words(client.get("/certificates/"))
    assert 'name="expected" value="2"' in page
    assert page.count("data-tick") > 2
    viewer = make_user("vic@example.org", Role.VIEWER)
    client.force_login(viewer)
    assert "data-tick" not in words(client.get("/certificates/"))


@pytest.mark.usefixtures("estate")
def test_a_preview_changes_nothing_and_says_what_would(client: Client) -> None:
    page = words(post(client, "preview"))
    assert "one.example.org" in page
    assert "two.example.org" in page
    assert "theirs.example.org" not in page
    assert "Change 2" in page
    assert not tagged()


@pytest.mark.usefixtures("estate")
def test_what_was_confirmed_is_done_and_shown(client: Client) -> None:
    response = post(client, "go", expected="2")
    work = BulkChange.objects.get()
    assert response["Location"] == reverse("inventory:change_detail", args=[work.pk])
    assert tagged() == {"one.example.org", "two.example.org"}
    page = words(client.get(response["Location"]))
    assert "shop" in page
    assert "2 of 2" in page


@pytest.mark.usefixtures("estate")
def test_another_number_than_shown_asks_again(client: Client, web_team: Team, today: datetime) -> None:
    make_certificate("three.example.org", owner_team=web_team, now=today)
    recount()
    page = words(post(client, "go", expected="2"))
    assert "You were shown 2; now 3 match." in page
    assert not tagged()
    assert not BulkChange.objects.exists()
    assert post(client, "go", expected="3").status_code == 302


def test_ticked_rows_of_others_are_left_out_and_said_so(client: Client, estate: dict[str, Certificate]) -> None:
    sent: dict[str, Any] = {"scope": "chosen", "pk": [row.pk for row in estate.values()]}
    page = words(post(client, "preview", **sent))
    assert "1 of those that were ticked is not yours to change" in page
    assert "theirs.example.org" not in page
    post(client, "go", **sent)
    assert tagged() == {"one.example.org", "two.example.org"}


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"scope": "chosen"}, "Nothing was ticked."),
        ({"scope": "chosen", "pk": ["1 OR 1=1"]}, "is not understood"),
        ({"scope": "chosen", "pk": list(range(501))}, "At most 500"),
        ({"query": "team=payments"}, "“payments” is not known"),
        ({"query": "nonsense=1"}, "no such filter"),
        ({"kind": "rules"}, "not one of the available choices"),
        ({"change-add": "", "change-remove": ""}, "Name a tag"),
        ({"change-add": "shop", "change-remove": "shop"}, "cannot be added and removed at once"),
        ({"change-add": "<b>"}, "is no tag"),
        ({"kind": "owner", "change-team": "nowhere", "change-reason": "x"}, "not one of the available choices"),
        ({"kind": "owner", "change-team": ""}, "Say why"),
        ({"kind": "details"}, "Choose what is to be written."),
        ({"kind": "details", "change-own_field": "room"}, "Write it as key=value."),
    ],
)
@pytest.mark.usefixtures("estate")
def test_what_is_not_understood_changes_nothing(client: Client, sent: Mapping[str, Any], why: str) -> None:
    response = post(client, "go", **sent)
    assert response.status_code == 422
    assert why in words(response)
    assert not BulkChange.objects.exists()


def test_people_name_colleagues_alone(
    client: Client, estate: dict[str, Certificate], web_team: Team, other_team: Team, make_user: MakeUser
) -> None:
    stranger = make_user("otto@example.org", Role.OPERATOR, other_team)
    sent: dict[str, Any] = {
        "kind": "owner",
        "change-team": "payments",
        "change-person": stranger.pk,
        "change-reason": "x",
    }
    assert post(client, "go", **sent).status_code == 422
    # As in the form of one, operators may hand over to any team.
    assert post(client, "go", **{**sent, "change-person": ""}).status_code == 302
    assert set(Certificate.objects.values_list("owner_team__slug", flat=True)) == {"payments"}


@pytest.mark.usefixtures("estate")
def test_what_is_like_that_already_is_counted_apart(client: Client) -> None:
    post(client, "go")
    page = words(post(client, "preview"))
    assert "2 are like that already" in page
    assert 'name="step" value="go"' not in page
    undone: dict[str, Any] = {"change-add": "", "change-remove": "shop"}
    assert "Change 2" in words(post(client, "preview", **undone))
    post(client, "go", **undone)
    assert not tagged()


def test_details_and_retirement_have_previews(client: Client, web_team: Team, today: datetime) -> None:
    served = make_certificate("served.example.org", owner_team=web_team, nodes_serving=1, now=today)
    make_certificate("unused.example.org", owner_team=web_team, environment="test", now=today)
    sent: dict[str, Any] = {
        "scope": "chosen",
        "pk": list(Certificate.objects.values_list("pk", flat=True)),
        "change-reason": "old",
    }
    page = words(post(client, "preview", **sent, kind="retire"))
    assert "served.example.org" not in page
    assert "1 stay as they are: retired already, or served somewhere" in page
    details: dict[str, Any] = {"kind": "details", "change-environment": "test", "change-own_field": "room=4"}
    assert "Change 2" in words(post(client, "preview", **sent, **details))
    post(client, "go", **sent, **details)
    served.refresh_from_db()
    assert (served.environment, served.custom_fields) == ("test", {"room": "4"})
    assert "2 are like that already" in words(post(client, "preview", **sent, **details))


@pytest.mark.usefixtures("estate")
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"under": "NIS2"}, "Add regulations"),
        ({"not_under": "DORA"}, "Remove regulations"),
        ({"note": "Moves in May,\r\nsays Ada."}, "Add to the notes"),
        ({"data_lifetime_years": "7"}, "Data lifetime in years"),
        ({"data_lifetime_years": "-"}, "Data lifetime in years"),
    ],
)
def test_each_detail_is_previewed_once_written_and_then_like_that_already(
    client: Client, sent: Mapping[str, str], why: str
) -> None:
    Certificate.objects.update(regulations=["DORA"], data_lifetime_years=3, notes="Ask Ada.")
    details = {"kind": "details", **{f"change-{name}": value for name, value in sent.items()}}
    page = words(post(client, "preview", **details))
    assert why in page
    assert "Change 2" in page
    assert why in words(client.get(post(client, "go", **details).url))
    page = words(post(client, "preview", **details))
    assert "2 are like that already" in page
    assert "Change 2" not in page.partition("</h1>")[2]


def test_endpoints_are_changed_alike(client: Client, web_team: Team, other_team: Team, today: datetime) -> None:
    mine = make_endpoint("192.0.2.1", owner_team=web_team, now=today)
    theirs = make_endpoint("192.0.2.2", owner_team=other_team, now=today)
    sent: dict[str, Any] = {"kind": "retire", "change-reason": "moved", "scope": "chosen", "pk": [mine.pk, theirs.pk]}
    post(client, "go", url="/endpoints/change/", **sent)
    assert set(Endpoint.objects.exclude(retired_at=None)) == {mine}


@pytest.mark.usefixtures("estate")
def test_a_link_with_a_filter_means_all_that_it_finds(client: Client) -> None:
    page = words(client.get(URL, {"q": "one", "after": "forged"}))
    assert "Change 1 certificates" in page
    assert 'name="kind" value="owner"' in page


def test_a_change_is_not_shown_to_others(client: Client, estate: dict[str, Certificate], make_user: MakeUser) -> None:
    url = post(client, "go")["Location"]
    other = make_user("otto@example.org", Role.OPERATOR)
    client.force_login(other)
    assert client.get(url).status_code == 404
    assert client.post(f"{url}cancel/").status_code == 404


def test_no_step_costs_more_queries_in_a_larger_estate(
    client: Client, web_team: Team, today: datetime, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_certificate(f"{number}.example.org", owner_team=web_team, now=today)
    with django_assert_max_num_queries(22):
        post(client, "preview")
