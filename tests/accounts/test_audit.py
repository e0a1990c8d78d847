"""Writing the audit chain: nothing changes without its event."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from accounts.models import AuditEvent, Team, User
from accounts.services import AuditRefusedError, Origin, audit, audit_head, came_from, check_chain, on_command_line
from accounts.services.chain import BEFORE_THE_FIRST, digest_of
from tests.conftest import NOW


@transaction.atomic
def create_team() -> None:
    Team.objects.create(name="New", slug="new")
    audit(None, "created", "New", now=NOW)


def test_event_keeps_who_did_what_to_what(heads: Path, administrator: User, web_team: Team) -> None:
    with came_from(Origin("a" * 32, "192.0.2.7")):
        event = audit(administrator, "changed", web_team, {"name": "Web"}, {"name": "WWW"}, now=NOW)
    event.refresh_from_db()
    assert (event.actor, event.actor_email, event.verb) == (administrator, "ada@example.org", "changed")
    assert (event.subject_type, event.subject_id, event.subject) == ("accounts.team", str(web_team.pk), "Web")
    assert (event.before, event.after) == ({"name": "Web"}, {"name": "WWW"})
    assert (event.request_id, event.address) == ("a" * 32, "192.0.2.7")
    assert event.digest == digest_of(event)


def test_what_a_command_does_names_the_user_of_the_machine(heads: Path, administrator: User) -> None:
    with on_command_line():
        create_team()
        with transaction.atomic():
            audit(administrator, "changed", "thing", now=NOW)
    with transaction.atomic():
        audit(None, "changed", "thing", now=NOW)
    user = pwd.getpwuid(os.getuid()).pw_name
    told = list(AuditEvent.objects.order_by("number").values_list("actor_email", flat=True))
    assert told[-3:] == [f"command line ({user})", "ada@example.org", ""]


def test_events_count_from_one_and_each_continues_the_one_before(chain: Path) -> None:
    events = list(AuditEvent.objects.order_by("number"))
    assert [event.number for event in events] == list(range(1, 13))
    assert [e.previous_digest for e in events] == [BEFORE_THE_FIRST, *(e.digest for e in events[:-1])]
    assert audit_head() == (12, events[-1].digest)


def test_secrets_never_enter_an_event(heads: Path, db: None) -> None:
    values = {"password": "x1", "smtp-Password": "x2", "nested": {"api_key": "x3", "list": [{"token": "x4"}]}}
    event = audit(None, "changed", "settings", values, {**values, "key_type": "RSA"}, now=NOW)
    assert event.after == {"nested": {"list": [{}]}, "key_type": "RSA"}
    assert "x1" not in json.dumps(event.before)


def test_odd_values_survive_storage_with_their_digest(heads: Path, db: None) -> None:
    values = {"nul": "a\x00b", "surrogate": "a\ud800b", "float": 1e16, "when": NOW, "set": {2, 1}, "big": 10**30}
    event = audit(None, "changed\x00", "x" * 400, after=values, now=NOW)
    event.refresh_from_db()
    assert event.digest == digest_of(event)
    assert event.after["nul"] == "a\u2400b"


def test_audit_outside_a_transaction_is_refused(transactional_db: None, heads: Path) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        audit(None, "changed", "thing", now=NOW)


def test_change_is_refused_when_the_head_cannot_be_copied(transactional_db: None, heads: Path) -> None:
    heads.parent.write_text("a file stands where the directory should be")
    with pytest.raises(AuditRefusedError):
        create_team()
    assert not Team.objects.exists()
    assert not AuditEvent.objects.exists()


def test_change_is_refused_when_the_disk_is_full(transactional_db: None, settings: Settings) -> None:
    settings.AUDIT_HEADS = "/dev/full"
    with pytest.raises(AuditRefusedError, match="No space left"):
        create_team()
    assert not Team.objects.exists()


def test_change_is_refused_when_the_event_cannot_be_stored(transactional_db: None, heads: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_auditevent RENAME TO gone")
    try:
        with pytest.raises(AuditRefusedError):
            create_team()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO accounts_auditevent")
    assert not Team.objects.exists()


def test_a_rolled_back_change_leaves_no_event_and_the_chain_goes_on(chain: Path) -> None:
    with transaction.atomic():
        audit(None, "changed", "never", now=NOW)
        transaction.set_rollback(True)
    with transaction.atomic():
        audit(None, "changed", "after", now=NOW)
    assert AuditEvent.objects.get(number=13).subject == "after"
    assert not check_chain(NOW).faults


def test_the_head_file_is_private_and_holds_one_line_per_commit(chain: Path) -> None:
    assert chain.stat().st_mode & 0o777 == 0o600
    kept = [json.loads(line) for line in chain.read_text().splitlines() if '"number"' in line]
    assert [line["number"] for line in kept] == list(range(1, 13))
    assert kept[-1]["digest"] == audit_head()[1]


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_moment_stand_in_one_order(heads: Path) -> None:
    def write(writer: int) -> None:
        try:
            for number in range(8):
                with transaction.atomic():
                    audit(None, "changed", f"{writer}.{number}", now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert AuditEvent.objects.count() == 32
    assert not check_chain(NOW).faults


def test_a_text_that_fills_pages_is_told_by_length_and_digest(heads: Path, web_team: Team) -> None:
    notes, targets = "n" * 5000, "10.0.0.1\n" * 20_000
    with transaction.atomic():
        event = audit(None, "changed", web_team, {"targets": "10.0.0.1"}, {"targets": targets, "notes": notes}, now=NOW)
    assert event.before == {"targets": "10.0.0.1"}
    digest = hashlib.sha256(targets.encode()).hexdigest()
    assert event.after == {"targets": f"180000 characters, SHA-256 {digest}", "notes": notes}
    event.refresh_from_db()
    assert digest_of(event) == event.digest
