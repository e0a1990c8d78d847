"""One foreground process that keeps the web server and the worker running, and ends both when it ends.

Each child leads a session of its own: a Ctrl-C at the terminal reaches the supervisor alone, which asks each child's
main process to stop. (A signal to the worker's whole group makes django-q wait for ever.)
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from certdash.management import processes

STEADY = 60.0  # a child that ran so long in seconds did start; its next failure is a first one
TRIES = 5
LONGEST_PAUSE = 30.0

Say = Callable[[str], None]


class SuperviseError(Exception):
    """Nothing more can be done; the message says why and what to do."""


@dataclass
class Child:
    """A program to keep running. ``patience`` is how many seconds it may take to stop when asked."""

    name: str
    command: Sequence[str]
    patience: float
    failures: int = 0
    restart_at: float = 0.0
    began: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    group: processes.Group | None = None


@dataclass
class Supervisor:
    """Run ``children`` until told to stop. ``folder`` keeps who runs, for a successor to read."""

    folder: Path
    children: list[Child]
    say: Say
    stopping: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    me: processes.Group | None = None

    def take_over(self) -> None:
        """Refuse to run beside another supervisor of the same folder; end what a killed one left behind."""
        self._lock()
        self.me = processes.of_process(os.getpid(), "")
        self._keep_mark("supervisor", self.me)
        for child in self.children:
            left = processes.load(self._path(child.name))
            if left and processes.members(left):
                self.say(f"Ending the {child.name} that a killed predecessor left behind (process {left.leader}).")
                processes.end(left, child.patience)
            self._path(child.name).unlink(missing_ok=True)

    def run(self, on_tick: Callable[[], None] = lambda: None) -> None:
        """Start the children, keep them running, and end them when a signal comes or one cannot be kept running."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        try:
            while not self.stopping.is_set():
                for child in self.children:
                    self._keep(child)
                on_tick()
                self.stopping.wait(0.2)
        finally:
            self._end_all()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1
        self.stopping.set()

    def _keep(self, child: Child) -> None:
        if child.process is None:
            if time.monotonic() >= child.restart_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is not None:
            self._after_death(child, code)

    def _start(self, child: Child) -> None:
        mark = secrets.token_hex(8)
        child.process = subprocess.Popen(
            list(child.command),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {processes.MARK: mark},
        )
        child.began = time.monotonic()
        child.group = processes.of_process(child.process.pid, mark)
        self._keep_mark(child.name, child.group)

    def _after_death(self, child: Child, code: int) -> None:
        ran = time.monotonic() - child.began
        child.failures = 1 if ran >= STEADY else child.failures + 1
        if child.group:
            processes.kill(child.group)
        self._forget_mark(child.name, child.group)
        child.process = child.group = None
        how = _how_it_ended(code)
        if child.failures >= TRIES:
            raise SuperviseError(f"The {child.name} {how}, {TRIES} times in a row; the lines above say why.")
        pause = min(2.0 ** (child.failures - 1), LONGEST_PAUSE)
        child.restart_at = time.monotonic() + pause
        self.say(f"The {child.name} {how}; starting it again in {pause:.0f} s.")

    def _end_all(self) -> None:
        """Ask all main processes first and wait then, so that the slowest one alone sets how long it takes."""
        running = [child for child in self.children if child.process is not None]
        for child in running:
            if child.process is not None:
                child.process.terminate()
        for child in running:
            self._end(child)
        self._forget_mark("supervisor", self.me)

    def _end(self, child: Child) -> None:
        if child.process is None or child.group is None:
            return
        deadline = time.monotonic() + child.patience
        # A second Ctrl-C means: now.
        while child.process.poll() is None and time.monotonic() < deadline and self.asked < 2:
            time.sleep(0.05)
        killed = processes.kill(child.group)
        child.process.wait()
        if killed:
            self.say(f"The {child.name} did not stop in time; what it was doing goes on after the next start.")
        self._forget_mark(child.name, child.group)

    def _lock(self) -> None:
        """Hold the folder until this process ends, however it ends; children do not inherit the lock.

        The file stays: a lock on a file that was taken away would exclude nobody.
        """
        with _writing(self.folder):
            # As `manage.py prepare` makes it, which comes after this.
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True)
            lock = os.open(self.folder / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(lock)
                other = processes.load(self._path("supervisor"))
                which = f", as process {other.leader}" if other and processes.leads(other) else ""
                raise SuperviseError(f"certdash runs already{which}. End that one first.") from error

    def _keep_mark(self, name: str, group: processes.Group | None) -> None:
        if group:
            with _writing(self.folder):
                processes.save(group, self._path(name))

    def _forget_mark(self, name: str, group: processes.Group | None) -> None:
        """Take away the mark of what has ended, unless the mark of another stands there."""
        if group and processes.load(self._path(name)) == group:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.json"


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code}"
    if code:
        return f"ended with code {code}"
    # As django-q does when a process that it watches over is killed.
    return "ended though nobody asked it to (code 0); perhaps one of its processes was killed"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SuperviseError(f"{folder} cannot be written to: {error.strerror or error}.") from error


def manage(*arguments: str) -> list[str]:
    """The command line that runs manage.py with the Python that runs now."""
    return [sys.executable, str(Path(__file__).resolve().parent.parent.parent / "manage.py"), *arguments]
