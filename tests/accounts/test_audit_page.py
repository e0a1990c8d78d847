"""The audit log: who sees it, paging, filters, export, and what it says about the chain."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, Team, User
from accounts.services import audit, check_chain, last_check
from accounts.views.audit import PAGE
from tests.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, settings: Settings) -> Path:
    settings.AUDIT_HEADS = str(tmp_path / "heads.jsonl")
    cache.clear()
    return tmp_path / "heads.jsonl"


@pytest.fixture
def reader(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


def write(count: int, verb: str = "changed", actor: User | None = None, subject: str = "thing") -> None:
    start = AuditEvent.objects.count()
    for number in range(start + 1, start + count + 1):
        with transaction.atomic():
            audit(actor, verb, f"{subject} {number}", {}, {"name": number}, now=NOW + timedelta(minutes=number))


def numbers(client: Client, query: str = "") -> list[int]:
    return [event.number for event in client.get(f"/audit/{query}").context["page"].events]


def test_only_administrators_and_auditors_see_it(
    client: Client, administrator: User, auditor: User, operator: User, viewer: User
) -> None:
    for person, answer in [(administrator, 200), (auditor, 200), (operator, 403), (viewer, 403)]:
        client.force_login(person)
        assert client.get("/audit/").status_code == answer
        assert client.get("/audit/export.csv").status_code == answer
        assert client.post("/audit/verify/").status_code == (302 if answer == 200 else 403)
    client.logout()
    assert client.get("/audit/").status_code == 302


def test_pages_go_by_number_to_the_end_and_back(reader: Client) -> None:
    write(2 * PAGE + 3)
    first = reader.get("/audit/").context["page"]
    second = reader.get(f"/audit/{first.next_url}").context["page"]
    third = reader.get(f"/audit/{second.next_url}").context["page"]
    seen = [event.number for page in (first, second, third) for event in page.events]
    assert seen == list(range(2 * PAGE + 3, 0, -1))
    assert (first.previous_url, third.next_url) == ("", "")
    assert numbers(reader, third.previous_url) == [event.number for event in second.events]
    assert numbers(reader, second.previous_url) == [event.number for event in first.events]


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("scan.started", "Scan started"),
        ("truststore.kept", "Trust store kept"),
        ("session.refused", "Sign-in refused"),
        ("certificates.owner_changed", "Owner of certificates changed"),
        ("endpoint.described", "Endpoint described"),
        ("nobody_knows.this", "Nobody knows this"),
        ("", ""),
    ],
)
def test_verbs_are_said_in_words(verb: str, words: str) -> None:
    assert AuditEvent(verb=verb).words == words


def test_things_are_called_by_their_words_and_unknown_ones_by_their_code() -> None:
    assert AuditEvent(subject_type="inventory.truststore").kind == "trust store"
    assert AuditEvent(subject_type="bygone.thing").kind == "bygone.thing"
    assert AuditEvent(subject_type="").kind == ""


def test_the_page_says_words_and_keeps_the_codes(reader: Client, web_team: Team) -> None:
    with transaction.atomic():
        audit(None, "team.changed", web_team, now=NOW)
    page = reader.get("/audit/").text
    assert ">Team changed</td>" in page
    assert f">team {web_team.pk}</span>" in page
    assert f"team.changed, accounts.team:{web_team.pk}" in page
    assert '<option value="team.changed">Team changed</option>' in page


def test_filters_by_what_who_to_what_and_when(reader: Client, administrator: User, web_team: Team) -> None:
    write(2)
    write(1, "invited", administrator, "Bob")
    with transaction.atomic():
        audit(None, "changed", web_team, now=NOW + timedelta(days=3))
    assert numbers(reader, "?verb=invited") == [3]
    assert numbers(reader, "?actor=ada%40") == [3]
    assert numbers(reader, "?subject=bob") == [3]
    assert numbers(reader, f"?subject=accounts.team:{web_team.pk}") == [4]
    assert numbers(reader, "?since=2026-11-25") == [4]
    assert numbers(reader, "?until=2026-11-24&verb=changed") == [2, 1]
    page = reader.get("/audit/?verb=changed").context["page"]
    assert page.next_url == ""


def test_a_nonsense_filter_or_cursor_is_no_error(reader: Client) -> None:
    write(1)
    for query in ("?after=x", "?before=-1", "?since=yesterday", "?verb=none", f"?after={'9' * 30}"):
        assert reader.get(f"/audit/{query}").status_code == 200


def test_an_event_shows_what_was_before_and_after(reader: Client) -> None:
    with transaction.atomic():
        after = {"name": "new", "teams": ["Web", "Payments"]}
        audit(None, "changed", "thing\u202e", {"name": "<b>old</b>", "teams": []}, after, now=NOW)
    page = reader.get("/audit/").content.decode()
    assert "Web, Payments" in page
    assert "&lt;b&gt;old&lt;/b&gt;" in page
    assert "\u202e" not in page
    assert "<b>old</b>" not in page


def test_a_page_names_the_events_that_were_tampered_with(reader: Client) -> None:
    write(3)
    AuditEvent.objects.filter(number=2).update(subject="forged")
    assert [fault.number for fault in reader.get("/audit/").context["faults"]] == [2]
    assert "Event 2: its content does not match" in reader.get("/audit/").content.decode()


def test_a_page_names_an_event_that_only_the_database_knows(reader: Client, outside: Path) -> None:
    write(3)
    lines = outside.read_text().splitlines(keepends=True)
    outside.write_text("".join(line for line in lines if ": 3," not in line))
    assert [fault.number for fault in reader.get("/audit/").context["faults"]] == [3]


def test_the_whole_check_is_remembered_and_shown(reader: Client) -> None:
    write(3)
    assert "has not been checked" in reader.get("/audit/").content.decode()
    reader.post("/audit/verify/")
    assert "verified up to event 3" in reader.get("/audit/").content.decode()
    AuditEvent.objects.filter(number=1).delete()
    check_chain(NOW)
    check = last_check()
    assert check is not None
    assert [fault.number for fault in check.faults] == [2, 2]
    assert "found 2 faults" in reader.get("/audit/").content.decode()


def test_the_export_is_the_filtered_log_is_inert_and_is_itself_recorded(reader: Client) -> None:
    write(2, subject="=cmd()")
    write(1, "invited")
    response = reader.get("/audit/export.csv?verb=changed")
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
    assert [row["number"] for row in rows] == ["2", "1"]
    assert not rows[0]["subject"].startswith("=")
    last = AuditEvent.objects.get(number=4)
    assert (last.verb, last.subject, last.actor_email) == (
        "audit.exported",
        "verb=changed",
        "audrey@example.org",
    )


def test_fragments_are_the_table_alone(reader: Client) -> None:
    write(1)
    response = reader.get("/audit/", headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b'id="audit-table"' in response.content
    assert "HX-Request" in response.headers["Vary"]


def test_the_number_of_queries_does_not_grow(reader: Client, django_assert_max_num_queries: object) -> None:
    write(PAGE)
    reader.get("/audit/")
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        reader.get("/audit/")
