from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEvent, Organisation, Team, User
from inventory import exports, filters
from inventory.models import Tag
from tests.inventory.factories import make_certificate, make_endpoint

DOCUMENT = Path(__file__).parents[2] / "docs" / "exports.md"


def body(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_file_has_the_rows_of_the_page_in_its_order(
    as_administrator: Client, web_team: Team, today: datetime
) -> None:
    for n in range(60):
        make_certificate(f"n{n:02}.example.org", days_left=n - 5, owner_team=web_team if n % 2 else None, now=today)
    query = "team=web&sort=-name"
    page = as_administrator.get(f"/certificates/?{query}&per_page=50").context["rows"]
    written = rows_of(body(as_administrator.get(f"/certificates/export.csv?{query}")))
    assert [row["sha256"] for row in written] == [row.certificate.sha256 for row in page]
    assert [row["status"] for row in written] == [row.status for row in page]
    taken = json.loads(body(as_administrator.get(f"/certificates/export.json?{query}")))
    assert [row["sha256"] for row in taken["certificates"]] == [row["sha256"] for row in written]
    assert taken["filter"] == "team=web&sort=-name"


def test_a_file_ignores_the_place_in_the_list(as_administrator: Client, today: datetime) -> None:
    for _ in range(30):
        make_certificate(now=today)
    following = as_administrator.get("/certificates/").context["next_query"]
    assert len(rows_of(body(as_administrator.get(f"/certificates/export.csv?{following}")))) == 30


def test_values_are_written_so_that_machines_read_them(
    as_administrator: Client, web_team: Team, today: datetime
) -> None:
    row = make_certificate(
        "a.example.org",
        names=["b.example.org"],
        not_after=datetime.fromisoformat("2030-01-02T03:04:05+00:00"),
        owner_team=web_team,
        risks=["weak_key", "old_tls"],
    )
    row.tags.add(Tag.objects.create(name="shop"))
    make_certificate("unread.example.org", not_after=None)
    written = rows_of(body(as_administrator.get("/certificates/export.csv?sort=expires")))
    assert {key: written[0][key] for key in ("names", "not_after", "owner_team", "risks", "tags", "conforming")} == {
        "names": "a.example.org b.example.org",
        "not_after": "2030-01-02T03:04:05Z",
        "owner_team": "web",
        "risks": "old_tls weak_key",
        "tags": "shop",
        "conforming": "true",
    }
    assert (written[1]["not_after"], written[1]["days_left"], written[1]["status"]) == ("", "", "unknown")
    taken = json.loads(body(as_administrator.get("/certificates/export.json?sort=expires")))["certificates"]
    assert taken[0]["names"] == ["a.example.org", "b.example.org"]
    assert taken[1]["days_left"] is None


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_a_name_is_no_formula_in_a_spreadsheet(name: str, as_administrator: Client, today: datetime) -> None:
    make_certificate(name, issuer=name)
    row = rows_of(body(as_administrator.get("/certificates/export.csv")))[0]
    for column in ("name", "names", "issuer"):
        assert row[column].startswith("'"), column


def test_days_after_the_end_are_a_number_and_the_one_that_the_list_says(
    as_administrator: Client, today: datetime
) -> None:
    make_certificate(days_left=-3.5, now=today)
    assert rows_of(body(as_administrator.get("/certificates/export.csv")))[0]["days_left"] == "-3"
    assert ">3 days ago</time>" in as_administrator.get("/certificates/").text


def test_endpoints_are_written_with_what_they_serve_and_whether_that_is_evidence(
    as_administrator: Client, today: datetime
) -> None:
    certificate = make_certificate("a.example.org", now=today)
    make_endpoint("192.0.2.1", certificate=certificate, now=today)
    make_endpoint("2001:db8::1", 8443, server_name="", now=today)
    written = rows_of(body(as_administrator.get("/endpoints/export.csv")))
    assert [(row["address"], row["port"], row["outcome"], row["judged"]) for row in written] == [
        ("192.0.2.1", "443", "served", "true"),
        ("2001:db8::1", "8443", "unreachable", "false"),
    ]
    assert written[0]["certificate_sha256"] == certificate.sha256


def test_names_in_other_scripts_are_written_in_both_forms(as_administrator: Client, today: datetime) -> None:
    certificate = make_certificate("xn--bcher-kva.example", names=["a.example", "*.xn--zckzah"], now=today)
    make_endpoint("192.0.2.1", certificate=certificate, server_name="xn--bcher-kva.example", now=today)
    (row,) = rows_of(body(as_administrator.get("/certificates/export.csv")))
    assert (row["name"], row["name_unicode"]) == ("xn--bcher-kva.example", "bücher.example")
    assert row["names_unicode"] == "bücher.example *.テスト"
    (node,) = json.loads(body(as_administrator.get("/endpoints/export.json")))["endpoints"]
    assert node["server_name_unicode"] == node["certificate_name_unicode"] == "bücher.example"


def test_a_filter_that_is_not_understood_writes_nothing(as_administrator: Client, today: datetime) -> None:
    make_certificate()
    response = as_administrator.get("/certificates/export.csv?stauts=expired")
    assert response.status_code == 422
    assert "“stauts”" in response.text
    assert not AuditEvent.objects.filter(verb="inventory.exported").exists()


def test_an_export_is_an_audit_event(as_administrator: Client, administrator: User) -> None:
    as_administrator.get("/certificates/export.csv?status=expired")
    event = AuditEvent.objects.get(verb="inventory.exported")
    assert (event.actor, event.subject) == (administrator, "certificates")
    assert event.after == {"format": "csv", "filter": "status=expired"}


def test_a_file_holds_only_what_the_person_may_see(
    client: Client, organisation: Organisation, stranger: User, web_team: Team, today: datetime
) -> None:
    make_certificate(owner_team=web_team)
    make_endpoint(owner_team=web_team)
    client.force_login(stranger)
    assert rows_of(body(client.get("/certificates/export.csv?kind=any"))) == []
    assert rows_of(body(client.get("/endpoints/export.csv?retired=any"))) == []


def test_a_file_is_a_download_that_no_browser_runs(as_administrator: Client) -> None:
    response = as_administrator.get("/certificates/export.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="certificates-')
    assert response["X-Content-Type-Options"] == "nosniff"


def test_writing_many_rows_needs_no_more_queries_than_their_chunks(
    administrator: User, today: datetime, django_assert_num_queries: Any
) -> None:
    for _ in range(40):
        make_certificate(risks=["weak_key"], now=today)
    result = filters.certificates("", administrator, today)
    with django_assert_num_queries(4):
        assert "".join(exports.write(exports.CERTIFICATES, "csv", result, today)).count("\r\n") == 41


def test_the_command_writes_what_the_page_lists(
    as_administrator: Client, web_team: Team, today: datetime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_certificate("old.example.org", days_left=-2, owner_team=web_team, now=today)
    make_certificate("other.example.org", now=today)
    call_command("export", "certificates", "--filter", "status=expired&team=web")
    printed = capsys.readouterr().out
    from_page = body(as_administrator.get("/certificates/export.csv?status=expired&team=web"))
    assert rows_of(printed) == rows_of(from_page)
    assert [row["name"] for row in rows_of(printed)] == ["old.example.org"]
    call_command("export", "certificates", "--format", "json", "--output", str(tmp_path / "all.json"))
    assert len(json.loads((tmp_path / "all.json").read_text())["certificates"]) == 2


def test_the_command_refuses_what_it_does_not_understand(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="“stauts”"):
        call_command("export", "certificates", "--filter", "stauts=expired")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export", "endpoints", "--output", str(tmp_path / "missing" / "file.csv"))


def test_every_column_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for export in exports.EXPORTS.values():
        for column in export.columns:
            assert f"| `{column.name}` | {column.meaning} |" in text


@pytest.mark.parametrize("table", ["certificates", "endpoints"])
def test_what_people_say_is_written_of_either(table: str, as_administrator: Client, administrator: User) -> None:
    make: Any = make_certificate if table == "certificates" else make_endpoint
    said: dict[str, Any] = {"purpose": "server", "exposure": "public", "data_lifetime_years": 0}
    lists = {"regulations": ["PCI DSS", "NIS2"], "custom_fields": {"room": "4, left"}, "notes": "=one\ntwo"}
    make(owner_person=administrator, **said, **lists)
    (row,) = rows_of(body(as_administrator.get(f"/{table}/export.csv")))
    assert (row["owner_person"], row["purpose"], row["data_lifetime_years"]) == ("ada@example.org", "server", "0")
    assert (row["regulations"], row["custom_fields"]) == ("PCI DSS, NIS2", '{"room": "4, left"}')
    assert row["notes"] == "'=one\ntwo"
    (plain,) = json.loads(body(as_administrator.get(f"/{table}/export.json")))[table]
    assert (plain["custom_fields"], plain["notes"]) == ({"room": "4, left"}, "=one\ntwo")
