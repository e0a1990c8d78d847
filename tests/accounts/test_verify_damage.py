"""Checking the audit chain when its copy outside was taken away, or when either of the two is damaged."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from accounts.models import AuditEvent, AuditHead, User
from accounts.services import audit, check_chain, check_page
from accounts.services import heads as copies
from accounts.tasks import verify_chain
from tests.accounts.test_verify import Attacker
from tests.conftest import NOW


def write_one() -> None:
    with transaction.atomic():
        audit(None, "changed", "one more", now=NOW)


def faults() -> str:
    return "; ".join(map(str, check_chain(NOW).faults))


def command() -> str:
    """What the command prints; it must end with one."""
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("verify_audit", stdout=out)
    assert stop.value.code == 1
    return out.getvalue()


def remove(heads: Path) -> None:
    heads.unlink()


def empty(heads: Path) -> None:
    heads.write_text("")


def truncate(heads: Path) -> None:
    heads.write_text("".join(heads.read_text().splitlines(keepends=True)[:4]))


def take_out(heads: Path) -> None:
    heads.write_text("".join(line for line in heads.read_text().splitlines(keepends=True) if ": 5," not in line))


def delete(attacker: Attacker) -> None:
    AuditEvent.objects.filter(number=5).delete()
    attacker.forge_all_digests()


# --- a copy with gaps -----------------------------------------------------------------------------


@pytest.mark.parametrize("take_away", [remove, empty, truncate])
@pytest.mark.parametrize("forge", [delete, Attacker.cut])
def test_a_new_event_does_not_hide_that_the_copy_was_taken_away(
    take_away: Callable[[Path], None], forge: Callable[[Attacker], None], chain: Path
) -> None:
    take_away(chain)
    forge(Attacker(random.Random(1), last=12))  # noqa: S311 (chance, not secrecy)
    write_one()
    assert faults()
    assert command()
    assert check_page(AuditEvent.objects.all())


def test_a_gap_in_the_copy_is_named_once(chain: Path) -> None:
    chain.unlink()
    write_one()
    assert [(fault.number, "up to 12" in fault.what) for fault in check_chain(NOW).faults] == [(1, True)]
    assert "event 1: the copy outside the database does not know this and the events up to 12" in command()


def test_an_event_taken_out_of_the_copy_is_a_fault(chain: Path) -> None:
    take_out(chain)
    assert "event 5: the copy outside the database does not know it" in faults()
    assert [fault.number for fault in check_page(AuditEvent.objects.all())] == [5]


def test_the_last_lines_of_a_long_copy_miss_nothing_of_theirs(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = chain.read_text().splitlines(keepends=True)
    # Two processes: the head of the seventh commit came after the next intention.
    lines[13], lines[14] = lines[14], lines[13]
    chain.write_text("".join(lines))
    for length in range(300, 4000, 37):
        monkeypatch.setattr(copies, "TAIL", length)
        assert check_page(AuditEvent.objects.all()) == []


# --- nothing is left ------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["a user", "the head", "an event"])
def test_nothing_outside_is_a_fault_once_something_happened(chain: Path, left: str, administrator: User) -> None:
    chain.unlink()
    if left != "an event":
        AuditEvent.objects.all().delete()
        AuditHead.objects.all().delete()
    if left == "the head":
        AuditHead.objects.create(pk=1)
    if left != "a user":
        administrator.delete()
    assert "nothing is known outside" in faults()
    assert "verified" not in command()


def test_before_the_first_user_nothing_is_wrong(transactional_db: None, heads: Path) -> None:
    assert faults() == ""


# --- damage ---------------------------------------------------------------------------------------


def damage(column: str, value: str | bytes | int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounts_auditevent SET {column} = %s WHERE number = 7", [value])  # noqa: S608


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps only what fits the column")
@pytest.mark.parametrize(
    ("column", "value"),
    [("at", "soon"), ("at", "2026-13-45 00:00:00"), ("at", 5), ("before", "[1]"), ("subject", b"x"), ("number", "x")],
)
def test_what_is_no_event_any_more_is_reported(
    column: str, value: str | bytes | int, chain: Path, client: Client
) -> None:
    client.force_login(User.objects.create_superuser("ada@example.org"))
    damage(column, value)
    number = 0 if column == "number" else 7
    assert number in {fault.number for fault in check_chain(NOW).faults}
    assert "does not match its digest" in command()
    assert client.post("/audit/verify/").status_code == 302
    page = client.get("/audit/")
    assert number in {fault.number for fault in page.context["faults"]}
    assert "does not match its digest" in page.content.decode()


def no_json(heads: Path) -> None:
    heads.write_text(heads.read_text() + "{abc}\n")


def no_head(heads: Path) -> None:
    heads.write_text(heads.read_text() + '{"number": 3}\n')


def directory(heads: Path) -> None:
    heads.unlink()
    heads.mkdir()


@pytest.mark.parametrize("break_copy", [no_json, no_head, directory])
def test_a_copy_that_is_none_any_more_is_reported(
    break_copy: Callable[[Path], None], chain: Path, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.force_login(User.objects.create_superuser("ada@example.org"))
    break_copy(chain)
    cache.clear()
    assert "copy outside" in faults()
    assert "copy outside" in command()
    assert "The copy outside" in client.get("/audit/").content.decode()
    assert client.post("/audit/verify/").status_code == 302
    verify_chain()
    assert "Audit: the copy outside" in caplog.text
