"""From the administration to the pages of the same things, and back."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from discovery.models import Network, Scan, Source
from discovery.services import default_zone
from inventory.addresses import pack
from inventory.models import BulkChange, Import
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db

BACK = "In the administration"


@pytest.fixture
def things(web_team: Team, administrator: User, today: datetime) -> dict[str, tuple[str, str]]:
    """Each with its page of the administration and its page of the dashboard."""
    certificate = make_certificate("shop.example.org", now=today, owner_team=web_team)
    endpoint = make_endpoint("192.0.2.1", certificate=certificate, now=today)
    zone = default_zone()
    source = Source.objects.create(name="Shop", kind="hosts", targets="192.0.2.1", zone=zone, created_at=NOW)
    plan: dict[str, Any] = {"targets": "192.0.2.1", "exclusions": "", "ports": "443", "server_names": "",
                            "left_out": [], "rate_limit": 500, "schedule_seconds": None, "seed": 1}  # fmt: skip
    scan = Scan.objects.create(title="Scan", plan=plan, zone=zone, created_at=NOW)
    network = Network.objects.create(cidr="192.0.2.0/24", first=pack("192.0.2.0"), last=pack("192.0.2.255"), zone=zone)
    brought = Import.objects.create(name="hosts\u202e.csv", requested_by=administrator, created_at=NOW)
    change = BulkChange.objects.create(subject="certificates", kind="tags", change={"add": ["a"]}, created_at=NOW)
    return {
        "team": (f"accounts/team/{web_team.pk}", "/certificates/?team=web"),
        "user": (f"accounts/user/{administrator.pk}", "/audit/?actor=ada%40example.org"),
        "certificate": (f"inventory/certificate/{certificate.pk}", f"/certificates/{certificate.pk}/"),
        "endpoint": (f"inventory/endpoint/{endpoint.pk}", f"/endpoints/{endpoint.pk}/"),
        "issuer": (f"inventory/issuer/{certificate.issuer_id}", f"/issuers/{certificate.issuer_id}/"),
        "import": (f"inventory/import/{brought.pk}", f"/certificates/import/{brought.pk}/"),
        "change": (f"inventory/bulkchange/{change.pk}", f"/changes/{change.pk}/"),
        "source": (f"discovery/source/{source.pk}", f"/discovery/sources/{source.pk}/"),
        "network": (f"discovery/network/{network.pk}", "/discovery/coverage/"),
        "scan": (f"discovery/scan/{scan.pk}", f"/discovery/scans/{scan.pk}/"),
    }


def test_each_thing_leads_to_its_page_and_the_page_is_there(
    as_administrator: Client, things: dict[str, tuple[str, str]]
) -> None:
    for office, page in things.values():
        shown = html.unescape(as_administrator.get(f"/admin/{office}/change/").content.decode())
        assert f'href="{page}"' in shown, office
        assert as_administrator.get(page).status_code == 200, page


def test_pages_lead_administrators_back_and_nobody_else(
    as_administrator: Client, things: dict[str, tuple[str, str]], operator: User, client: Client
) -> None:
    for name in ("certificate", "endpoint", "issuer", "import", "change", "source", "scan"):
        office, page = things[name]
        assert f'href="/admin/{office}/change/"' in as_administrator.get(page).content.decode(), page
    client.force_login(operator)
    assert BACK not in client.get(things["certificate"][1]).content.decode()


def test_teams_are_found_by_their_people_and_say_what_they_own(as_administrator: Client, operator: User) -> None:
    Team.objects.create(name="Other", slug="other")
    found = as_administrator.get("/admin/accounts/team/?q=olga").content.decode()
    assert "Other" not in found
    assert '<a href="/certificates/?team=web">certificates</a>, <a href="/endpoints/?team=web">endpoints</a>' in found


def test_imports_and_bulk_changes_are_read_there_and_hide_nothing(
    as_administrator: Client, things: dict[str, tuple[str, str]]
) -> None:
    assert "hosts‹U+202E›.csv" in as_administrator.get("/admin/inventory/import/").content.decode()
    for name in ("import", "change"):
        office, _page = things[name]
        assert as_administrator.post(f"/admin/{office}/change/", {"name": "x"}).status_code == 403
        assert as_administrator.post(f"/admin/{office}/delete/", {"post": "yes"}).status_code == 403
