"""Certificates at both ends of the calendar are shown in every time zone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation, User
from certdash.lib.zones import ShownZone, zone_of
from inventory.models import Certificate
from inventory.services import recount
from inventory.status import little_life_left_from
from reports.exports import as_pdf
from reports.services import canonical, freeze_inventory
from tests.inventory.factories import make_certificate, make_endpoint

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
ZONES = ("Pacific/Kiritimati", "Europe/Berlin", "America/Los_Angeles")
QUERIES = (
    "?q=far",
    "?expires_after=9999-12-31T23:59:59Z",
    "?expires_before=0001-01-02T00:00:00Z",
    "?sort=-expires",
)
ID = re.compile(r'\sid="([^"]+)"')


@pytest.fixture
def far(organisation: Organisation, now: datetime) -> list[Certificate]:
    """Certificates that begin and end at either end of time; two end before they begin."""
    seen: dict[str, Any] = {"now": now, "nodes_serving": 1, "nodes_total": 1, "served_ever": True}
    ends = [(FIRST, LAST), (FIRST, FIRST), (LAST, LAST), (LAST, FIRST), (now, now - timedelta(days=1))]
    found = []
    for number, (begin, end) in enumerate(ends):
        one = make_certificate(f"far-{number}.example.org", **seen)
        expiring, urgent = little_life_left_from(begin, end)
        row = Certificate.objects.filter(pk=one.pk)
        row.update(not_before=begin, not_after=end, expiring_from=expiring, urgent_from=urgent)
        make_endpoint(f"127.0.0.{number + 1}", server_name=one.name, certificate=one, now=now)
        found.append(one)
    recount()
    return found


def pages(far: list[Certificate]) -> list[str]:
    certificates, endpoints = reverse("inventory:certificate_list"), reverse("inventory:endpoint_list")
    lists = [f"{certificates}{query}" for query in QUERIES]
    lists += ["/", endpoints, reverse("inventory:issuer_list"), reverse("policy:finding_list")]
    lists += [f"{reverse('inventory:search')}?q=far", reverse("reports:report_new")]
    exports = [f"{start}export.{form}" for start in (certificates, endpoints) for form in ("csv", "json")]
    admin = [reverse(f"admin:inventory_{noun}_changelist") for noun in ("certificate", "endpoint", "issuer")]
    return [*lists, *exports, *admin, *(page for one in far for page in _pages_of(one))]


def _pages_of(one: Certificate) -> list[str]:
    detail = reverse("inventory:certificate_detail", args=[one.pk])
    endpoint = one.endpoints.get()
    return [
        *(f"{detail}{tab}" for tab in ("", "?tab=findings", "?tab=history")),
        reverse("inventory:endpoint_detail", args=[endpoint.pk]),
        reverse("inventory:issuer_detail", args=[one.issuer_id]),
        reverse("admin:inventory_certificate_change", args=[one.pk]),
        reverse("admin:inventory_endpoint_change", args=[endpoint.pk]),
    ]


@pytest.mark.parametrize("zone", ZONES)
def test_every_page_shows_the_first_and_the_last_moment(
    client: Client, administrator: User, far: list[Certificate], zone: str
) -> None:
    Organisation.objects.update(timezone=zone)
    client.force_login(administrator)
    for page in pages(far):
        answer = client.get(page)
        assert answer.status_code == 200, page


def test_no_page_says_an_id_twice(client: Client, administrator: User, far: list[Certificate]) -> None:
    """The second one would be dead to every label, link and script."""
    client.force_login(administrator)
    for page in pages(far):
        if "/admin/" in page or "export" in page:
            continue
        found = ID.findall(client.get(page).text)
        assert sorted(found) == sorted(set(found)), page


@pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014.icc:ResourceWarning")  # WeasyPrint's colour profile
def test_a_report_of_such_certificates_is_made(administrator: User, far: list[Certificate], now: datetime) -> None:
    Organisation.objects.update(timezone="Pacific/Kiritimati")
    data = json.loads(canonical(freeze_inventory(administrator, "", now)))
    assert as_pdf.render(data, "0" * 64).startswith(b"%PDF-")


def test_what_a_zone_cannot_express_stays_in_utc() -> None:
    assert LAST.astimezone(ShownZone("Pacific/Kiritimati")).tzname() == "UTC"
    assert FIRST.astimezone(ShownZone("America/Los_Angeles")).tzname() == "UTC"
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert f"{noon.astimezone(zone_of('Europe/Berlin')):%H:%M %Z}" == "14:00 CEST"
    assert noon.astimezone(zone_of("No/Where")).tzname() == "UTC"
