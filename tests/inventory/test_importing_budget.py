"""How many PKCS#12 files are opened, where, and for how long: each takes a process of its own."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from inventory.models import Import
from inventory.services.importing import begin_import, protected, still_locked, try_password
from inventory.sources import Budget, pkcs12, read_file
from tests.inventory.brought import bring, clock, leaf, worked
from tests.inventory.brought import pkcs12 as packed

pytestmark = pytest.mark.django_db
WORD = "some words"


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: object) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The password of each file that was opened."""
    passwords: list[str] = []
    real = pkcs12._opened

    def noted(raw: bytes, password: str, seconds: float) -> Any:
        passwords.append(password)
        return real(raw, password, seconds)

    monkeypatch.setattr(pkcs12, "_opened", noted)
    return passwords


def reasons(data: bytes, budget: Budget) -> list[str]:
    return [found.reason for found in read_file(data, budget)]


def test_files_in_a_row_are_not_opened_while_a_person_waits(operator: User, opened: list[str]) -> None:
    data = packed(WORD, leaf(1)) + packed(WORD, leaf(2))
    begun = begin_import("all.p12", io.BytesIO(data), password=WORD, team=None, actor=operator, now=clock())
    assert opened == []
    of = worked(begun)
    assert (opened, of.new) == (["", ""], 0)
    locked = still_locked(of)
    assert locked is not None
    assert len(locked.names) == 2
    assert try_password(of, WORD, actor=operator, now=clock()).opened == 2


def test_a_large_file_is_left_to_a_worker(operator: User, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protected, "LARGEST", 100)
    begin_import("one.p12", io.BytesIO(packed(WORD)), password=WORD, team=None, actor=operator, now=clock())
    assert opened == []


def test_one_file_with_padding_is_opened_at_once(operator: User, opened: list[str]) -> None:
    of = bring(packed(WORD) + b"\r\n", operator, name="one.p12", password=WORD)
    assert (opened, of.new) == ([WORD], 2)


def test_no_more_files_are_opened_than_the_budget_has(opened: list[str]) -> None:
    data = packed() * 3
    assert reasons(data, Budget(opened=1))[-2:] == [pkcs12.TOO_MANY] * 2
    assert len(opened) == 1
    assert reasons(data, Budget(opened_seconds=0.001))[-2:] == [pkcs12.TOO_MANY] * 2
    assert len(opened) == 2


def test_pem_blocks_count_and_wait_for_their_password_by_their_place(operator: User, opened: list[str]) -> None:
    block = "-----BEGIN PKCS12-----\n{}\n-----END PKCS12-----\n"
    text = "".join(block.format(base64.b64encode(packed(WORD, leaf(at))).decode()) for at in (1, 2)).encode()
    assert reasons(text, Budget(opened=0)) == [pkcs12.TOO_MANY] * 2
    of: Import = bring(text, operator)
    assert len(opened) == 2
    assert try_password(of, WORD, actor=operator, now=clock()).opened == 2
    of.refresh_from_db()
    assert (of.new, of.refused) == (3, 2)
