"""A wrong setting stops every start with the sentence that names it, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

GUNICORN = [sys.executable, "-m", "gunicorn", "certdash.wsgi:application", "--bind=127.0.0.1:0", "--no-control-socket"]
SENTENCE = "CERTDASH_WORKERS is 'many'; write a whole number."


def start(tmp_path: Path, command: list[str], **wrong: str) -> subprocess.CompletedProcess[str]:
    own = {"CERTDASH_ENV_FILE": "", "CERTDASH_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "certdash.settings"}
    environment = {**os.environ, **own, **(wrong or {"CERTDASH_WORKERS": "many"})}
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("words", [["check"], ["prepare"], ["serve"], ["doctor"], ["help"], []])
def test_a_command_prints_the_sentence_alone(tmp_path: Path, words: list[str]) -> None:
    ended = start(tmp_path, [sys.executable, "manage.py", *words])
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{SENTENCE}\n")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CERTDASH_LOG_LEVEL", "loud", "CERTDASH_LOG_LEVEL is 'LOUD'; write one of "),
        ("CERTDASH_BASE_URL", "http://[::1", "CERTDASH_BASE_URL cannot be read as an address"),
        ("CERTDASH_DATABASE_URL", "postgres://u:p@h:port/db", "CERTDASH_DATABASE_URL cannot be read as an address"),
        ("CERTDASH_ENV_FILE", "/nowhere/env", "CERTDASH_ENV_FILE names /nowhere/env, which does not exist."),
    ],
)
def test_each_kind_of_wrong_setting_is_told_in_one_line(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    ended = start(tmp_path, [sys.executable, "manage.py", "check"], **{name: value})
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("loaded", [["--preload"], ["--workers=1"]])
def test_the_web_server_prints_the_sentence_and_ends(tmp_path: Path, loaded: list[str]) -> None:
    ended = start(tmp_path, [*GUNICORN, *loaded, "--log-level=warning"])
    assert ended.returncode == 3
    assert SENTENCE in ended.stderr.splitlines()
    assert "Traceback" not in ended.stderr
