"""Checking the audit chain: no event changes unseen."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F

from accounts.models import AuditEvent, AuditHead
from accounts.services import audit_head, last_check, read_heads, verify_audit
from accounts.services.chain import BEFORE_THE_FIRST, digest_of
from tests.conftest import NOW


def verify(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as stop:
        return int(str(stop.code)), out.getvalue()
    return 0, out.getvalue()


def test_an_untouched_chain_is_verified(chain: Path) -> None:
    code, out = verify()
    assert code == 0
    assert "12 events verified up to number 12" in out
    assert json.loads(verify("--json")[1])["verified"] is True


def test_the_page_of_the_audit_tells_of_the_check_of_the_command_line(chain: Path) -> None:
    verify()
    check = last_check()
    assert check is not None
    assert (check.number, check.faults) == (12, ())


def test_a_head_from_a_report_is_enough(chain: Path) -> None:
    number, digest = audit_head()
    assert verify("--head", f"{number}:{digest}")[0] == 0
    assert verify("--head", f"{number}:{'0' * 64}")[0] == 1
    ninth = AuditEvent.objects.get(number=9)
    code, out = verify("--head", f"9:{ninth.digest}")
    assert code == 0
    assert "3 events are newer" in out


def test_without_anything_outside_the_chain_is_not_called_verified(chain: Path) -> None:
    chain.unlink()
    code, out = verify()
    assert code == 1
    assert "verified" not in out


def test_an_unreadable_head_is_exit_code_two(chain: Path) -> None:
    with pytest.raises(CommandError) as stop:
        call_command("verify_audit", "--head", "/nowhere/heads.jsonl")
    assert stop.value.returncode == 2


def test_an_event_whose_commit_could_not_be_copied_is_not_taken_for_an_insertion(chain: Path) -> None:
    lines = chain.read_text().splitlines(keepends=True)
    chain.write_text("".join(line for line in lines if '"number": 12' not in line))
    assert verify()[0] == 0


def test_a_line_cut_by_a_full_disk_does_not_hide_the_next(chain: Path) -> None:
    chain.write_text(chain.read_text().replace('{"intended": 12', '{"inten{"intended": 12'))
    assert read_heads([str(chain)]).last == 12
    assert verify()[0] == 0


# --- tampering ------------------------------------------------------------------------------------


@dataclass
class Attacker:
    """Somebody with full rights in the database, who may also compute digests, but not reach the copy outside."""

    chance: random.Random
    last: int

    def pick(self) -> int:
        return self.chance.randint(1, self.last)

    def edit(self) -> None:
        field = self.chance.choice(["verb", "subject", "actor_email", "request_id", "before", "at", "address"])
        value = {"before": {"name": "forged"}, "at": NOW - timedelta(days=1)}.get(field, "forged")
        AuditEvent.objects.filter(number=self.pick()).update(**{field: value})

    def delete(self) -> None:
        number = self.chance.randint(1, self.last - 1)
        AuditEvent.objects.filter(number=number).delete()
        if self.chance.random() < 0.5:
            self._renumber(number, -1)

    def insert(self) -> None:
        number = self.chance.randint(1, self.last + 1)
        self._renumber(number - 1, 1)
        before = AuditEvent.objects.filter(number=number - 1).first()
        forged = AuditEvent(number=number, at=NOW, verb="forged", subject="thing")
        forged.previous_digest = before.digest if before else BEFORE_THE_FIRST
        forged.digest = digest_of(forged)
        forged.save()
        if number == self.last + 1:
            AuditHead.objects.update(number=forged.number, digest=forged.digest)

    def move(self) -> None:
        one, other = self.chance.sample(range(1, self.last + 1), 2)
        AuditEvent.objects.filter(number=one).update(number=1_000_000)
        AuditEvent.objects.filter(number=other).update(number=one)
        AuditEvent.objects.filter(number=1_000_000).update(number=other)

    def cut(self) -> None:
        end = AuditEvent.objects.get(number=self.chance.randint(1, self.last - 1))
        AuditEvent.objects.filter(number__gt=end.number).delete()
        AuditHead.objects.update(number=end.number, digest=end.digest)

    def forge_all_digests(self) -> None:
        """Make the chain fit together again, as a patient attacker would."""
        number, digest = 0, BEFORE_THE_FIRST
        for event in AuditEvent.objects.order_by("number"):
            number += 1
            AuditEvent.objects.filter(pk=event.pk).update(digest=f"{number:064}")
            event.number, event.previous_digest = number, digest
            event.digest = digest = digest_of(event)
            event.save()
        AuditHead.objects.update(number=number, digest=digest)

    def _renumber(self, after: int, step: int) -> None:
        AuditEvent.objects.filter(number__gt=after).update(number=F("number") + 1_000_000)
        AuditEvent.objects.filter(number__gt=1_000_000).update(number=F("number") - 1_000_000 + step)


ATTACKS: list[Callable[[Attacker], None]] = [
    Attacker.edit,
    Attacker.delete,
    Attacker.insert,
    Attacker.move,
    Attacker.cut,
]


def is_detected(attack: Callable[[Attacker], None], heads: Path, seed: int) -> bool:
    """Attack, look, and undo. Every third attacker makes the digests fit again."""
    with transaction.atomic():
        attacker = Attacker(random.Random(seed), last=12)  # noqa: S311 (chance, not secrecy)
        attack(attacker)
        if seed % 3 == 0:
            attacker.forge_all_digests()
        found = verify_audit(AuditEvent.objects.order_by("number"), read_heads([str(heads)]), audit_head())
        transaction.set_rollback(True)
    return bool(found.faults)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_every_kind_of_tampering_is_found(attack: Callable[[Attacker], None], chain: Path) -> None:
    missed = [seed for seed in range(12) if not is_detected(attack, chain, seed)]
    assert missed == []
    assert verify()[0] == 0


@pytest.mark.long
def test_five_hundred_random_tamperings_are_all_found(chain: Path) -> None:
    missed = [seed for seed in range(500) if not is_detected(ATTACKS[seed % 5], chain, seed)]
    assert missed == []


@pytest.fixture
def tampered(chain: Path) -> None:
    AuditEvent.objects.filter(number=7).update(subject="forged")


@pytest.mark.usefixtures("tampered")
def test_the_command_names_the_event_and_ends_with_one() -> None:
    code, out = verify()
    assert code == 1
    assert "event 7: its content does not match its digest: edited" in out
    assert json.loads(verify("--json")[1])["faults"][0]["number"] == 7
