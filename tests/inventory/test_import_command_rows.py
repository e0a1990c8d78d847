"""``manage.py import_certs`` with a spreadsheet: the same rows, changes and refusals as the page shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from accounts.models import AuditEvent, Team, User
from inventory.models import Endpoint, Import, ImportMapping
from inventory.services.importing import map_columns
from tests.inventory.brought import bring, clock, worked
from tests.inventory.factories import make_endpoint
from tests.inventory.test_import_command import as_json, run

pytestmark = pytest.mark.django_db
TABLE = "Hostname,Team,Room\nwww.example.org,Web,B1\nlate.example.org,Web,B2\n,Web,B3\n"


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: object, web_team: Team) -> None:
    settings.VAR = tmp_path / "var"
    make_endpoint("192.0.2.1", 443, "www.example.org")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "estate.csv"
    path.write_text(TABLE)
    return path


def test_a_dry_run_tells_what_the_page_shows_and_writes_nothing(table: Path, administrator: User) -> None:
    answer = as_json(table, "--as", administrator.email, "--dry-run", code=1)
    assert (answer["import"], answer["counts"]) == (None, {"matched": 1, "waiting": 1, "refused": 1, "skipped": 0})
    assert (answer["columns"], answer["not_kept"]) == ({"Hostname": "host", "Team": "team"}, ["Room"])
    assert not Import.objects.exists()
    assert Endpoint.objects.get().owner_team is None

    of = bring(TABLE.encode(), administrator, name="estate.csv")
    map_columns(of, of.columns, actor=administrator, now=clock())
    page = [
        [row.offset, row.outcome, row.label, row.reason, row.data.get("changes", [])] for row in worked(of).items.all()
    ]
    told = [
        [row["offset"], row["outcome"], row["name"], row["reason"], row.get("changes", [])] for row in answer["items"]
    ]
    assert told == page


def test_a_table_is_stored_by_a_kept_mapping(table: Path, administrator: User, web_team: Team) -> None:
    columns = {"host": "Hostname", "team": "Team", "custom:Room": "Room"}
    ImportMapping.objects.create(name="Our estate", columns=columns, created_by=administrator, created_at=clock())
    said = run(table, "--as", administrator.email.upper(), "--mapping", "Our estate", code=1)
    assert "192.0.2.1:443" in said
    assert "owner: Web" in said
    assert "Room: B1" in said
    assert "refused: row 4: It names no host" in said
    assert "3 rows: 1 match what is known, 1 wait for a scan, 0 new certificates, 0 known already, 1 refused." in said
    place = Endpoint.objects.get()
    assert (place.owner_team, place.custom_fields) == (web_team, {"Room": "B1"})
    of = Import.objects.get()
    assert (of.step, of.requested_by, of.waiting, of.upload) == ("stored", administrator, 1, "")
    assert AuditEvent.objects.filter(verb="import.stored").count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say who imports it"),
        (["--as", "nobody@example.org"], "There is no account nobody@example.org"),
        (["--as", "ada@example.org", "--mapping", "None"], "No mapping is kept as “None”"),
        (["--as", "ada@example.org", "--mapping", "Other"], "The file has no column “Server”"),
        (["--as", "vera@example.org"], "."),
        (["/", "--as", "ada@example.org"], "Import a spreadsheet alone"),
    ],
)
def test_what_cannot_be_begun_is_said(
    table: Path, administrator: User, viewer: User, arguments: list[str], words: str
) -> None:
    ImportMapping.objects.create(name="Other", columns={"host": "Server"}, created_at=clock())
    arguments = [
        {"ada@example.org": administrator.email, "vera@example.org": viewer.email}.get(a, a) for a in arguments
    ]
    with pytest.raises(CommandError, match=words) as refused:
        run(table, *arguments)
    assert refused.value.returncode == 2
    assert not Import.objects.exists()


def test_a_mapping_for_what_is_no_table_is_said(tmp_path: Path, administrator: User) -> None:
    (tmp_path / "x.pem").write_text("no table\n")
    with pytest.raises(CommandError, match="no table"):
        run(tmp_path / "x.pem", "--mapping", "Our estate")


def test_the_help_and_json_of_a_row_hold_no_empty_changes(table: Path, administrator: User) -> None:
    refused = as_json(table, "--as", administrator.email, "--dry-run", code=1)["items"][2]
    assert "changes" not in refused
    assert json.dumps(refused)
