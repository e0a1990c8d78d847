"""Settings that would hurt are found by `manage.py check`, each with an id and a hint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connection
from django.db.utils import OperationalError
from pytest_django import Settings

from accounts.models import Organisation
from certdash import checks


def ids(found: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in found), "each message says what to do"
    return [message.id for message in found]


def test_a_state_folder_that_is_a_file_cannot_be_used(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    settings.VAR = tmp_path / "taken" / "var"
    assert ids(checks.state_folder(None)) == ["certdash.E001"]


@pytest.mark.parametrize(("mode", "expected"), [(0o700, []), (0o750, []), (0o755, ["certdash.W001"])])
def test_a_state_folder_that_everybody_can_read_is_told(
    settings: Settings, tmp_path: Path, mode: int, expected: list[str]
) -> None:
    settings.VAR = tmp_path / "var"
    settings.VAR.mkdir()
    settings.VAR.chmod(mode)
    assert ids(checks.state_folder(None)) == expected


@pytest.mark.parametrize("url", ["certs.example.org", "ftp://certs.example.org", "https://", "https://a.example/path"])
def test_an_address_that_cannot_be_linked_to_is_an_error(settings: Settings, url: str) -> None:
    settings.BASE_URL = url
    assert ids(checks.base_url(None)) == ["certdash.E002"]


@pytest.mark.parametrize(
    ("linked", "ours", "expected"),
    [
        ("https://certs.example.org", "https://certs.example.org", []),
        ("https://certs.example.org/", "https://certs.example.org:443", []),
        ("", "https://certs.example.org", []),
        ("http://localhost:8000", "http://127.0.0.1:8000", []),
        ("http://localhost:8000", "http://127.0.0.1:8001", ["certdash.W005"]),
        ("https://old.example.org", "https://certs.example.org", ["certdash.W005"]),
        ("http://certs.example.org", "https://certs.example.org", ["certdash.W005"]),
    ],
)
def test_two_addresses_that_differ_are_told(
    settings: Settings, organisation: Organisation, linked: str, ours: str, expected: list[str]
) -> None:
    settings.BASE_URL = ours
    Organisation.objects.update(base_url=linked)
    assert ids(checks.addresses(None, databases=["default"])) == expected
    assert checks.addresses(None) == []


def test_before_the_first_migration_there_are_no_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_table(**_: object) -> None:
        raise OperationalError("no such table")

    monkeypatch.setattr(Organisation, "objects", SimpleNamespace(filter=no_table))
    assert checks.addresses(None, databases=["default"]) == []


@pytest.mark.parametrize(
    ("https", "proxies", "bind", "expected"),
    [
        (True, 0, "127.0.0.1:8000", ["certdash.W002"]),
        (True, 1, "127.0.0.1:8000", []),
        (False, 0, "0.0.0.0:8000", ["certdash.W003"]),
        (False, 0, "certs.example.org:8000", ["certdash.W003"]),
        (False, 0, "[::1]:8000", []),
        (False, 0, "localhost:8000", []),
        (False, 0, "unix:/run/certdash.sock", []),
    ],
)
def test_passwords_do_not_travel_in_clear(
    settings: Settings, https: Any, proxies: int, bind: str, expected: Any
) -> None:
    settings.HTTPS, settings.TRUSTED_PROXIES, settings.BIND = https, proxies, bind
    assert ids(checks.transport(None)) == expected


@pytest.mark.parametrize(("key", "expected"), [("short", ["certdash.E003"]), ("a" * 80, ["certdash.E003"])])
def test_a_key_that_can_be_guessed_is_an_error(settings: Settings, key: str, expected: list[str]) -> None:
    assert ids(checks.secret_key(None)) == []
    settings.SECRET_KEY = key
    assert ids(checks.secret_key(None)) == expected


def test_many_workers_on_one_sqlite_file_are_told(settings: Settings) -> None:
    settings.WORKERS = 8
    assert ids(checks.database_size(None)) == []
    settings.WORKERS = 9
    assert ids(checks.database_size(None)) == (["certdash.W004"] if connection.vendor == "sqlite" else [])


def test_a_missing_nmap_is_told_and_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ids(checks.optional_programs(None)) == ["certdash.I001"]


def test_mail_that_is_not_sent_is_told(settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    assert ids(checks.mail(None)) == ["certdash.I002"]
    settings.EMAIL_HOST = "mail.example.org"
    assert ids(checks.mail(None)) == []


def test_what_is_optional_is_not_told_before_every_answer(settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    assert "certdash.I002" not in {message.id for message in run_checks()}
    assert "certdash.I002" in {message.id for message in run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", ["certdash.I003"]),
        ("http://localhost:8000", ["certdash.I003"]),
        ("http://[::1]:8000", ["certdash.I003"]),
        ("http://certs.example.org", ["security.W004", "security.W008", "security.W012", "security.W016"]),
    ],
)
def test_what_asks_for_tls_is_told_wherever_others_can_reach_the_address(
    url: str, expected: list[str], tmp_path: Path
) -> None:
    told = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        env=os.environ | {"CERTDASH_BASE_URL": url, "CERTDASH_VAR": str(tmp_path), "CERTDASH_ENV_FILE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    about_tls = {"certdash.I003", "security.W004", "security.W008", "security.W012", "security.W016"}
    assert sorted(about_tls & set(re.findall(r"(?:security|certdash)\.[WI]\d+", told.stderr))) == expected
    assert ("WARNINGS" in told.stderr) == (expected != ["certdash.I003"])
