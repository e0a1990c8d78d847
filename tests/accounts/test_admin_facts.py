"""The administration of what was found: teams that own something stay, wrong queries and hostile names do no harm."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import AuditEvent, Team, User
from discovery.models import Network, Zone
from inventory.models import Certificate
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db

TEAMS = "/admin/accounts/team/"
CERTIFICATES = "/admin/inventory/certificate/"


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def owned(web_team: Team) -> Team:
    for _number in range(2):
        make_certificate(owner_team=web_team, owner_origin="manual")
    zone = Zone.objects.get_or_create(name="default")[0]
    Network.objects.create(cidr="10.0.0.0/8", first=b"\0" * 16, last=b"\1" * 16, zone=zone, owner_team=web_team)
    return web_team


def test_a_team_that_owns_something_is_not_deleted(office: Client, owned: Team) -> None:
    answer = office.post(f"{TEAMS}{owned.pk}/delete/", {"post": "yes"})
    assert "owns 2 certificates, 1 network. Assign them to another team first." in answer.content.decode()
    assert Certificate.objects.filter(owner_team=owned).count() == 2
    assert not AuditEvent.objects.exists()


def test_nor_is_it_deleted_together_with_others(office: Client, owned: Team, other_team: Team) -> None:
    values = {"action": "delete_selected", "_selected_action": [owned.pk, other_team.pk], "post": "yes"}
    assert "owns 2 certificates" in office.post(TEAMS, values).content.decode()
    assert Team.objects.count() == 2


def test_once_everything_is_assigned_to_others_it_can_go(office: Client, owned: Team, other_team: Team) -> None:
    Certificate.objects.update(owner_team=other_team)
    Network.objects.update(owner_team=None)
    assert office.post(f"{TEAMS}{owned.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Team.objects.filter(pk=owned.pk).exists()


@pytest.mark.parametrize(
    "query",
    [
        f"certificate/?issuer={'9' * 30}",
        f"certificate/?issuer__id__exact={'9' * 30}",
        f"certificate/?worst_severity__exact={'9' * 30}",
        "endpoint/?address=::::",
        "endpoint/?address=10.0.0.1",
        "certificate/?not_after__gte=soon",
    ],
)
def test_a_query_that_no_column_can_be_asked_leads_back_to_the_list(office: Client, query: str) -> None:
    answer = office.get(f"/admin/inventory/{query}", follow=True)
    assert answer.status_code == 200


def test_hidden_characters_are_shown_on_every_page_of_facts(office: Client) -> None:
    certificate = make_certificate(name="shop\u202egro.elpmaxe\u200b", subject="CN=\u202eevil")
    for page in (CERTIFICATES, f"{CERTIFICATES}{certificate.pk}/change/"):
        text = office.get(page).content.decode()
        assert "\u202e" not in text
        assert "\u200b" not in text
        assert "shop‹U+202E›gro" in text
