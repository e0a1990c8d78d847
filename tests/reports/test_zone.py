"""Moments in a report: by the clocks of the zone that its data carries, whoever lays it out and where."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from accounts.models import Organisation, User
from inventory import filters
from reports.exports.document import context
from reports.services import canonical, freeze_inventory
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def berlin(organisation: Organisation) -> None:
    Organisation.objects.update(timezone="Europe/Berlin")


def plant(not_after: datetime, name: str = "www.example.org") -> None:
    certificate = make_certificate(name, not_after=not_after, nodes_serving=1)
    make_endpoint("10.0.0.1", server_name=name, certificate=certificate)


def page(data: dict[str, Any]) -> str:
    return render_to_string("reports/inventory.html", context(data, "0" * 64))


def rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data["sections"]["unowned"]["rows"]
    return found


def test_moments_are_frozen_by_the_clocks_of_the_organisation_with_their_offset(auditor: User) -> None:
    plant(datetime(2027, 7, 1, 22, 30, tzinfo=UTC))
    data = freeze_inventory(auditor, "", NOW)
    assert (data["time_zone"], data["taken_at"]) == ("Europe/Berlin", "2026-11-23T10:41:00+01:00")
    assert rows(data)[0]["not_after"] == "2027-07-02T00:30:00+02:00"
    assert data["freshness"]["newest"].endswith("+01:00")


def test_the_cover_names_the_zone_and_its_offset_and_the_rows_have_its_days(auditor: User) -> None:
    plant(datetime(2027, 7, 1, 22, 30, tzinfo=UTC))
    text = page(freeze_inventory(auditor, "", NOW))
    assert "23 November 2026, 10:41 Europe/Berlin (UTC+01:00)" in text
    assert "2027-07-02" in text
    assert "2027-07-01" not in text
    assert 'name="dcterms.created" content="2026-11-23T09:41:00+00:00"' in text


def test_the_attached_file_keeps_the_moments_and_the_name_of_the_export(auditor: User) -> None:
    plant(datetime(2027, 7, 1, 22, 30, tzinfo=UTC))
    data = freeze_inventory(auditor, "", NOW)
    assert next(csv.DictReader(io.StringIO(data["population"])))["not_after"] == "2027-07-01T22:30:00Z"
    assert context(data, "0" * 64)["population_file"] == "certificates-20261123T094100Z.csv"


def test_the_same_data_is_the_same_page_wherever_it_is_laid_out(auditor: User, client: Client) -> None:
    plant(NOW + timedelta(days=3))
    data = freeze_inventory(auditor, "", NOW)
    first = page(data)
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert page(data) == first
        assert canonical(freeze_inventory(auditor, "", NOW)) == canonical(data)
    Organisation.objects.update(timezone="America/New_York")
    assert page(data) == first


def test_a_report_that_was_frozen_without_a_zone_is_shown_in_utc(auditor: User) -> None:
    plant(datetime(2027, 7, 1, 22, 30, tzinfo=UTC))
    Organisation.objects.update(timezone="UTC")
    data = freeze_inventory(auditor, "", NOW)
    assert (data.pop("time_zone"), data["taken_at"]) == ("UTC", NOW.isoformat())
    text = page(data)
    assert "23 November 2026, 09:41 UTC" in text
    assert "2027-07-01" in text


@pytest.mark.parametrize(
    ("name", "moment", "frozen"),
    [
        ("Pacific/Kiritimati", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59+00:00"),
        ("America/New_York", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T18:59:59-05:00"),
        ("No/Where", datetime(2027, 1, 2, tzinfo=UTC), "2027-01-02T00:00:00+00:00"),
    ],
)
def test_a_moment_that_the_zone_cannot_express_stays_in_utc(
    name: str, moment: datetime, frozen: str, auditor: User
) -> None:
    Organisation.objects.update(timezone=name)
    plant(moment)
    data = freeze_inventory(auditor, "", NOW)
    assert rows(data)[0]["not_after"] == frozen
    assert frozen[:10] in page(data)


def test_a_zone_that_nobody_knows_is_not_named(auditor: User) -> None:
    Organisation.objects.update(timezone="No/Where")
    text = page(freeze_inventory(auditor, "", NOW))
    assert "No/Where" not in text
    assert "23 November 2026, 09:41 UTC" in text


def test_rows_stand_by_their_moment_not_by_its_spelling(auditor: User) -> None:
    Organisation.objects.update(timezone="Europe/Berlin")
    # On 2027-10-31 the clock goes back: 02:30+02:00 is before 02:10+01:00.
    plant(datetime(2027, 10, 31, 1, 10, tzinfo=UTC), "later.example.org")
    plant(datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "sooner.example.org")
    make_certificate("unread.example.org", not_before=None, not_after=None, nodes_serving=1)
    found = rows(freeze_inventory(auditor, "", NOW))
    assert [row["name"].split(".")[0] for row in found] == ["unread", "sooner", "later"]


def test_weeks_begin_on_monday_in_the_zone_and_are_the_lists_behind_the_bars(auditor: User) -> None:
    plant(datetime(2026, 11, 29, 22, 59, tzinfo=UTC), "sunday.example.org")
    plant(datetime(2026, 11, 29, 23, 0, tzinfo=UTC), "monday.example.org")
    # Behind the night in which the clock goes forward.
    plant(datetime(2027, 4, 4, 21, 59, tzinfo=UTC), "sunday2.example.org")
    plant(datetime(2027, 4, 4, 22, 0, tzinfo=UTC), "monday2.example.org")
    weeks = freeze_inventory(auditor, "", NOW)["weeks"]
    assert [week["nobody"] for week in weeks if week["nobody"]] == [1, 1, 1, 1]
    counts = {week["start"]: week["nobody"] for week in weeks}
    assert counts["2026-11-23T00:00:00+01:00"] == counts["2026-11-30T00:00:00+01:00"] == 1
    assert counts["2027-03-29T00:00:00+02:00"] == counts["2027-04-05T00:00:00+02:00"] == 1
    query = {"expires_after": "2026-11-30T00:00:00+01:00", "expires_before": "2026-12-07T00:00:00+01:00"}
    assert filters.certificates(query, auditor, NOW).count().number == 1
