"""Migrations match the models, work from nothing, and work from every state that somebody may have installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import NOT_PROVIDED

from tests import migrating

SAY = "Run `make landed LABEL=…` (tests/data/README.md says when)."


def migrated(label: str, folder: Path) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CERTDASH_")}
    told = subprocess.run(
        [sys.executable, "-m", "tests.migrating", "from", label],
        env=environment | {"CERTDASH_VAR": str(folder), "CERTDASH_ENV_FILE": ""},
        cwd=migrating.ROOT,
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr.decode()
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


@pytest.fixture(scope="module")
def zero(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zero")


@pytest.fixture(scope="module")
def from_zero(zero: Path) -> dict[str, Any]:
    return migrated("zero", zero)


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_migrating_from_nothing_works(from_zero: dict[str, Any]) -> None:
    assert "inventory_certificate" in from_zero["schema"]
    assert from_zero["after"]["django_migrations"] > 0


def test_no_landed_migration_was_edited() -> None:
    now = migrating.digests()
    for label, state in migrating.landed().items():
        edited = [file for file, digest in state["digests"].items() if now.get(file) != digest]
        assert not edited, f"{edited} landed with {label} and differ now. {SAY}"


def test_the_newest_state_is_recorded() -> None:
    newest = list(migrating.landed().values())[-1]
    assert newest["digests"] == migrating.digests(), f"There are migrations that no state lists. {SAY}"


@pytest.mark.parametrize("label", migrating.landed())
def test_a_filled_database_of_an_earlier_state_is_migrated_without_loss(
    label: str, tmp_path: Path, zero: Path, from_zero: dict[str, Any]
) -> None:
    # Empty as it was of that state: what lies before it is not migrated again for each.
    shutil.copy(migrating.kept(zero, label), tmp_path / "certdash.sqlite3")
    found = migrated(label, tmp_path)
    ours = [table for table in found["before"] if table.startswith(migrating.OURS)]
    assert ours
    assert [table for table in ours if found["before"][table] == 0] == [], "every table was filled"
    assert {table: found["after"].get(table, 0) >= found["before"][table] for table in ours} == dict.fromkeys(
        ours, True
    )
    assert found["schema"] == from_zero["schema"]
    assert found["refused"] == [], "the version before must still be able to write"


@pytest.mark.django_db
def test_the_version_before_can_write_rows_without_the_columns_that_it_does_not_know() -> None:
    added = {name: field for name, field in migrating.added_columns().items() if not field.many_to_many}
    assert "discovery.0003_coverage scan.is_noted" in added
    needed = [name for name, field in added.items() if not field.null and field.db_default is NOT_PROVIDED]
    assert needed == [], "a new column must be nullable or have a default in the database (db_default=)"
