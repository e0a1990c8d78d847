"""What a killed worker leaves behind: its child ends with it, and its folder goes later."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from reports.services import folders
from reports.services.folders import workplace
from reports.tasks import tick

WAITING = """
import os, subprocess, sys, time
child = subprocess.Popen([*sys.argv[1:], "--parent", str(os.getpid())])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR = tmp_path
    return tmp_path / "tmp"


def leave(place: Path, name: str, seconds_ago: float) -> Path:
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "data.json.gz").write_bytes(b"data")
    then = time.time() - seconds_ago
    os.utime(folder, (then, then))
    return folder


def test_a_workplace_lies_in_the_state_directory_and_goes(place: Path) -> None:
    with workplace() as folder:
        assert Path(folder).parent == place
        assert place.stat().st_mode & 0o077 == Path(folder).stat().st_mode & 0o077 == 0
    assert list(place.iterdir()) == []


@pytest.mark.django_db
def test_the_next_tick_removes_what_killed_workers_left(place: Path) -> None:
    old = leave(place, f"{folders.PREFIX}old", folders.LEFT_AFTER + 60)
    young = leave(place, f"{folders.PREFIX}young", 60)
    other = leave(place, "other", folders.LEFT_AFTER + 60)
    tick()
    assert [folder.exists() for folder in (old, young, other)] == [False, True, True]


def test_the_child_ends_with_the_worker_that_waits_for_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    os.mkfifo(source)
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "render_report",
        str(source),
        str(tmp_path / "pdf"),
    ]
    with subprocess.Popen([sys.executable, "-c", WAITING, *command], stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        child = int(worker.stdout.readline())
        # It reads by now, and would for ever.
        data = opened(source)
        assert is_alive(child)
        worker.kill()
    for _ in range(100):
        if not is_alive(child):
            break
        time.sleep(0.1)
    assert not is_alive(child)
    os.close(data)


def opened(fifo: Path) -> int:
    for _ in range(300):
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the child never read")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
