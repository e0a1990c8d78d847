"""Saved views: a question under a name, for oneself, a team or everyone, and never its answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AuditEvent, Role, SavedView, Team, User
from accounts.services.saved_views import (
    ViewNameTakenError,
    address_of,
    change_view,
    delete_view,
    opening_view,
    save_view,
    views_of,
)
from tests.conftest import NOW, MakeUser
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db


def keep(user: User, name: str = "mine", query: str = "q=shop", audience: str = "private", **more: Any) -> SavedView:
    return save_view("certificates", name, query, audience, actor=user, now=NOW, **more)


@pytest.fixture
def client(operator: User, organisation: Any) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_view_keeps_filter_order_and_columns_but_no_place(operator: User) -> None:
    view = keep(operator, query="?q=shop&sort=-name&columns=owner,key&after=xyz&view=7")
    assert (view.query, view.columns) == ("q=shop&sort=-name", ["owner", "key"])
    assert address_of(view) == f"q=shop&sort=-name&columns=owner%2Ckey&view={view.pk}"
    assert AuditEvent.objects.get().verb == "view.saved"


def test_who_may_keep_for_whom(
    operator: User, administrator: User, auditor: User, make_user: MakeUser, web_team: Team, other_team: Team
) -> None:
    viewer = make_user("vic@example.org", Role.VIEWER, web_team)
    for user in (operator, administrator, auditor, viewer):
        keep(user)
    keep(operator, audience="team", team=web_team)
    keep(administrator, audience="everyone")
    refused = [(operator, "everyone", None), (operator, "team", other_team), (viewer, "team", web_team)]
    refused += [(auditor, "everyone", None), (administrator, "team", web_team), (operator, "team", None)]
    for user, audience, team in refused:
        with pytest.raises(PermissionDenied):
            keep(user, "other", audience=audience, team=team)


def test_each_sees_what_is_for_them(operator: User, administrator: User, stranger: User, web_team: Team) -> None:
    mine, ours = keep(operator), keep(operator, audience="team", team=web_team)
    all_ours = keep(administrator, audience="everyone")
    assert views_of(operator, "certificates") == [mine, ours, all_ours]
    assert views_of(stranger, "certificates") == [all_ours]
    assert views_of(operator, "endpoints") == []


def test_the_nearest_default_opens_and_there_is_one_each(operator: User, administrator: User, web_team: Team) -> None:
    everyones = keep(administrator, audience="everyone", is_default=True)
    assert opening_view(operator, "certificates") == everyones
    ours = keep(operator, audience="team", team=web_team, is_default=True)
    assert opening_view(operator, "certificates") == ours
    keep(operator, is_default=True)
    second = keep(operator, "second", is_default=True)
    assert opening_view(operator, "certificates") == second
    assert SavedView.objects.filter(is_default=True).count() == 3


def test_a_name_is_there_once_for_the_same_people(operator: User, administrator: User) -> None:
    keep(operator)
    keep(administrator)
    with pytest.raises(ViewNameTakenError):
        keep(operator)
    other = keep(operator, "other")
    with pytest.raises(ViewNameTakenError):
        change_view(other, actor=operator, now=NOW, name="mine")
    assert SavedView.objects.get(pk=other.pk).name == "other"


def test_only_its_keepers_change_and_delete_it(operator: User, stranger: User, administrator: User) -> None:
    view = keep(operator)
    for user in (stranger, administrator):
        with pytest.raises(PermissionDenied):
            change_view(view, actor=user, now=NOW, name="taken")
        with pytest.raises(PermissionDenied):
            delete_view(view, actor=user, now=NOW)
    assert change_view(view, actor=operator, now=NOW, query="q=other")
    assert not change_view(view, actor=operator, now=NOW, query="q=other")
    delete_view(view, actor=operator, now=NOW)
    assert list(AuditEvent.objects.order_by("number").values_list("verb", flat=True)) == [
        "view.saved",
        "view.changed",
        "view.deleted",
    ]


# --- pages ------------------------------------------------------------------------------------------


def test_a_list_is_kept_and_opened_with_its_question(client: Client, web_team: Team) -> None:
    make_certificate("shop.example.org", owner_team=web_team)
    make_certificate("other.example.org", owner_team=web_team)
    sent = {"page": "certificates", "name": "Shop", "query": "q=shop", "audience": f"team-{web_team.pk}"}
    response = client.post("/views/", sent, follow=True)
    page = words(response)
    assert "shop.example.org" in page
    assert "other.example.org" not in page
    view = SavedView.objects.get()
    assert response.redirect_chain[-1][0] == f"/certificates/?q=shop&view={view.pk}"
    assert "Have “Shop” show this" in page


def test_a_default_opens_without_a_question_and_all_is_one_link_away(client: Client, operator: User) -> None:
    view = keep(operator, query="status=expired", is_default=True)
    response = client.get("/certificates/")
    assert response["Location"] == f"/certificates/?status=expired&view={view.pk}"
    assert "?view=all" in words(client.get(response["Location"]))
    assert client.get("/certificates/?view=all").status_code == 200


def test_a_view_that_no_longer_parses_says_so_and_shows_nothing(client: Client, operator: User, web_team: Team) -> None:
    make_certificate("shop.example.org", owner_team=web_team)
    view = keep(operator, query="since_gone=1", is_default=True)
    response = client.get(f"/views/{view.pk}/", follow=True)
    page = words(response)
    assert "no such filter" in page
    assert "shop.example.org" not in page
    assert "?view=all" in page


@pytest.mark.parametrize("page", ["certificates", "endpoints", "issuers", "domains", "findings"])
def test_every_list_has_its_views(page: str, client: Client, operator: User) -> None:
    save_view(page, "kept by me", "", "private", actor=operator, now=NOW)
    assert "kept by me" in words(client.get(f"/views/{SavedView.objects.get().pk}/", follow=True))


def test_a_hostile_name_is_inert(client: Client, operator: User) -> None:
    keep(operator, '<script>alert("x")</script>')
    for url in ("/views/", "/certificates/"):
        page = words(client.get(url))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
    sent = {"page": "certificates", "name": "ab\u202ecd", "query": "", "audience": "private"}
    assert client.post("/views/", sent).status_code == 422


@pytest.mark.parametrize(
    "sent",
    [
        {"page": "users"},
        {"audience": "everyone"},
        {"audience": "team-99999"},
        {"name": ""},
        {"query": "x" * 5000},
        {"query": "q=" + "é" * 1500},
        {"query": "q=\0"},
    ],
)
def test_what_cannot_be_kept_is_said(client: Client, sent: dict[str, str]) -> None:
    whole = {"page": "certificates", "name": "x", "query": "", "audience": "private", **sent}
    assert client.post("/views/", whole).status_code == 422
    assert not SavedView.objects.exists()


def test_columns_come_from_the_address(client: Client, web_team: Team) -> None:
    make_certificate("shop.example.org", owner_team=web_team, criticality="critical", key_label="RSA 1024")
    page = words(client.get("/certificates/?columns=criticality&columns=owner,nonsense"))
    row = page[page.index("<tbody>") : page.index("</tbody>")]
    assert "Critical" in row
    assert "RSA 1024" not in row
    assert client.get("/certificates/export.csv?columns=owner").status_code == 200


def test_a_report_can_have_the_scope_of_a_view(client: Client, operator: User) -> None:
    keep(operator, "Shop", "q=shop&criticality=high")
    page = words(client.get("/reports/new/"))
    assert '<a href="?q=shop&amp;criticality=high">Shop</a>' in page
    chosen = words(client.get("/reports/new/?q=shop&criticality=high"))
    assert 'value="q=shop&amp;criticality=high"' in chosen
