"""`manage.py prepare` and `setup`: what they leave closed, and what they say when the disk takes no more."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate
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


def test_serve_prepares_first_if_it_is_asked_to(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = supervisor.manage("serve", "--prepare")
        told = subprocess.run(
            command, env=environment(tmp_path, port), cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert told.stdout.startswith("certdash ")
    assert f"ready in {tmp_path}" in told.stdout
    assert told.stderr.startswith(f"CommandError: 127.0.0.1:{port} is taken by another program.")


def test_preparing_again_leaves_the_tables_and_the_mask_of_the_process_alone(
    db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_again(**_: object) -> None:
        raise AssertionError("nothing was to be migrated")

    settings.VAR = tmp_path
    monkeypatch.setattr(migrate.Command, "handle", not_again)
    before = os.umask(0o022)
    try:
        call_command("prepare", skip_static=True)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


@pytest.mark.django_db
def test_setup_whose_audit_event_is_refused_says_so_in_a_sentence(settings: Settings) -> None:
    settings.AUDIT_HEADS = "/dev/full"
    with pytest.raises(CommandError, match=r"The rest was not set up: The audit event .*No space left"):
        call_command("setup", "--admin-email", "ada@example.org", "--noinput")
    assert not User.objects.exists()
