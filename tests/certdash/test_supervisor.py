"""The supervisor by itself: what it starts it ends, and it alone holds its folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certdash.management import processes, supervisor


@pytest.fixture
def signals() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def supervise(folder: Path, child: supervisor.Child) -> tuple[supervisor.Supervisor, list[str]]:
    said: list[str] = []
    return supervisor.Supervisor(folder, [child], said.append), said


@pytest.mark.usefixtures("signals")
def test_a_child_that_cannot_start_ends_the_supervisor_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.01)
    one, said = supervise(tmp_path, supervisor.Child("worker", python("raise SystemExit(3)"), patience=1))
    with pytest.raises(supervisor.SuperviseError, match="The worker ended with code 3, 5 times in a row"):
        one.run()
    assert len(said) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("signals")
def test_what_does_not_stop_in_time_is_killed_with_all_it_started(tmp_path: Path) -> None:
    deaf = python(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork()\n"
        f"open({str(tmp_path / 'ready')!r} + str(os.getpid()), 'w').close()\n"
        "time.sleep(60)"
    )
    one, said = supervise(tmp_path / "run", supervisor.Child("worker", deaf, patience=0.3))
    groups: list[processes.Group] = []

    def stop_when_both_run() -> None:
        if len(list(tmp_path.glob("ready*"))) == 2:
            groups.extend(group for child in one.children if (group := child.group))
            one.stopping.set()

    one.run(stop_when_both_run)
    assert said == ["The worker did not stop in time; what it was doing goes on after the next start."]
    assert processes.members(groups[0]) == []


@pytest.mark.usefixtures("signals")
def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    deaf = python("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    one, _said = supervise(tmp_path, supervisor.Child("worker", deaf, patience=60))
    own = os.getpid()
    timers = [threading.Timer(after, os.kill, (own, signal.SIGINT)) for after in (1.0, 1.5)]
    for timer in timers:
        timer.start()
    began = time.monotonic()
    one.run()
    assert time.monotonic() - began < 20


def test_a_folder_is_held_from_the_first_moment(tmp_path: Path) -> None:
    supervise(tmp_path, supervisor.Child("worker", python(""), patience=1))[0].take_over()
    second, _said = supervise(tmp_path, supervisor.Child("worker", python(""), patience=1))
    with pytest.raises(supervisor.SuperviseError, match=f"runs already, as process {os.getpid()}"):
        second.take_over()
    (tmp_path / "supervisor.json").unlink()
    with pytest.raises(supervisor.SuperviseError, match=r"runs already\. End"):
        second.take_over()


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import time; time.sleep(60)"])
def test_the_marks_of_another_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(supervisor, "TRIES", 1)
    one, _said = supervise(tmp_path, supervisor.Child("worker", python(code), patience=5))
    one.take_over()
    another = processes.Group(2**22 + 1, 1, "of another")
    marks = [tmp_path / "supervisor.json", tmp_path / "worker.json"]

    def overwrite() -> None:
        for path in marks:
            processes.save(another, path)
        if "sleep" in code:
            one.stopping.set()

    with contextlib.suppress(supervisor.SuperviseError):
        one.run(overwrite)
    assert [processes.load(path) for path in marks] == [another, another]


def test_a_folder_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    one, _said = supervise(tmp_path / "run", supervisor.Child("worker", python(""), patience=1))
    with pytest.raises(supervisor.SuperviseError, match=r"/run cannot be written to: File exists\."):
        one.take_over()


@pytest.mark.usefixtures("signals")
def test_a_full_disk_ends_what_was_started_and_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "worker.partial").symlink_to("/dev/full")
    one, _said = supervise(tmp_path, supervisor.Child("worker", python("import time; time.sleep(60)"), patience=5))
    with pytest.raises(supervisor.SuperviseError, match="No space left on device"):
        one.run()
    assert [child.process.poll() for child in one.children if child.process] == [-signal.SIGTERM]


def test_a_process_number_that_was_used_again_is_not_ours(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        group = processes.of_process(stranger.pid, "a mark that it does not carry")
        assert group is not None
        assert processes.members(group) == []
        older = processes.Group(stranger.pid, group.started - 1, group.mark)
        assert not processes.leads(older)
        assert processes.kill(older) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "{", '{"leader": 1}', "[1]", '"text"'])
def test_a_half_written_mark_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "worker.json").write_text(content, encoding="ascii")
    assert processes.load(tmp_path / "worker.json") is None
