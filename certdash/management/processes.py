"""Processes that outlive the one that started them: known again by number, start time and a mark in their environment.

A process number alone proves nothing, because numbers are used again. The leader of a group is the one that was
started if its start time is equal; its descendants are known by the session that the leader made and by ``MARK``,
which each of them inherited.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MARK = "CERTDASH_GROUP"
PROC = Path("/proc")
# Fields of /proc/PID/stat after the command, which ends with the last ")": proc(5) counts them from 3.
STATE, SESSION, STARTED = 0, 3, 19


@dataclass(frozen=True)
class Group:
    """A process that leads a session of its own, and what it started.

    ``started`` is the leader's start in clock ticks since boot; ``mark`` stands in the environment of all members.
    """

    leader: int
    started: int
    mark: str


def save(group: Group, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(group)), encoding="ascii")
    partial.replace(path)


def load(path: Path) -> Group | None:
    """Read what ``save`` wrote; None if there is nothing, or nothing readable (a power cut)."""
    try:
        return Group(**json.loads(path.read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return None


def of_process(pid: int, mark: str) -> Group | None:
    """The group that the running process ``pid`` leads; None if it has ended already."""
    stat = _stat(pid)
    return Group(pid, int(stat[STARTED]), mark) if stat else None


def leads(group: Group) -> bool:
    stat = _stat(group.leader)
    return bool(stat) and int(stat[STARTED]) == group.started and stat[STATE] != "Z"


def members(group: Group) -> list[int]:
    """Processes of the group that still run, the leader among them."""
    return [pid for pid in _pids() if _belongs(pid, group)]


def end(group: Group, patience: float) -> list[int]:
    """End the group: ask the leader alone, then kill what is left after ``patience`` seconds. Return what was killed.

    Asking every member at once would leave the work queue waiting for ever for workers that it did not stop itself.
    """
    if leads(group):
        _signal(group.leader, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while members(group) and time.monotonic() < deadline and leads(group):
            time.sleep(0.1)
    return kill(group)


def kill(group: Group) -> list[int]:
    left = members(group)
    for pid in left:
        _signal(pid, signal.SIGKILL)
    return left


def _belongs(pid: int, group: Group) -> bool:
    stat = _stat(pid)
    if not stat or stat[STATE] == "Z" or int(stat[SESSION]) != group.leader or int(stat[STARTED]) < group.started:
        return False
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={group.mark}".encode() in environment.split(b"\0")


def _pids() -> Iterator[int]:
    return (int(path.name) for path in PROC.iterdir() if path.name.isdigit())


def _stat(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
