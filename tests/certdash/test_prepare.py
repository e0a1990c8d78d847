"""`manage.py prepare` and `setup`: what they leave closed, and what they say when the disk takes no more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from certdash.management import supervisor
from tests.certdash.test_serve import ROOT, environment


def prepare(var: Path, *, largest: str = "unlimited") -> subprocess.CompletedProcess[str]:
    """Run it with a limit to the size of each file, in kilobytes: beyond, writing fails as on a full disk."""
    command = ["bash", "-c", f'ulimit -f {largest}; exec "$@"', "bash", *supervisor.manage("prepare", "--skip-static")]
    return subprocess.run(command, env=environment(var, 1), cwd=ROOT, capture_output=True, text=True, check=False)


def test_mails_that_were_not_sent_are_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail").chmod(0o755)
    assert prepare(tmp_path).returncode == 0
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
    (tmp_path / "mail").rmdir()
    assert prepare(tmp_path).returncode == 0
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700


def test_a_database_that_cannot_grow_is_told_in_a_sentence(tmp_path: Path) -> None:
    refused = prepare(tmp_path, largest="64")
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: The database cannot be prepared: ")
    assert len(refused.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mail").touch()
    refused = prepare(tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"CommandError: {tmp_path} cannot be prepared: ")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.django_db
def test_setup_whose_audit_event_is_refused_says_so_in_a_sentence(settings: Settings) -> None:
    settings.AUDIT_HEADS = "/dev/full"
    with pytest.raises(CommandError, match=r"The rest was not set up: The audit event .*No space left"):
        call_command("setup", "--admin-email", "ada@example.org", "--noinput")
    assert not User.objects.exists()
