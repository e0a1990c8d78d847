"""`manage.py serve` keeps the web server and the worker running, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from certdash.health import SIGN_AT_MOST
from certdash.management import processes, supervisor
from certdash.management.commands import serve

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@dataclass
class Served:
    """An installation of its own and the `manage.py serve` that runs it."""

    var: Path
    port: int
    process: subprocess.Popen[bytes]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def group(self, name: str) -> processes.Group:
        found = processes.load(self.var / "run" / f"{name}.json")
        assert found is not None
        return found

    def said(self) -> str:
        return (self.var / "said").read_text(encoding="utf-8")


def environment(var: Path, port: int) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CERTDASH_")}
    chosen = {"CERTDASH_VAR": str(var), "CERTDASH_BIND": f"127.0.0.1:{port}", "CERTDASH_ENV_FILE": ""}
    return clean | chosen | {"CERTDASH_WORKERS": "2", "CERTDASH_WEB_WORKERS": "1", "CERTDASH_STOP_SECONDS": "10"}


def start(var: Path, port: int, *options: str) -> Served:
    with (var / "said").open("ab") as said:
        process = subprocess.Popen(
            supervisor.manage("serve", *options),
            env=environment(var, port),
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Served(var, port, process)


def clean_up(var: Path) -> None:
    """End what a failed test left, a second supervisor first; a test that passed leaves nothing."""
    found = [group for path in (var / "run").glob("*.json") if (group := processes.load(path))]
    for group in sorted(found, key=lambda group: bool(group.mark)):
        if group.mark:
            processes.kill(group)
        elif processes.leads(group):
            os.kill(group.leader, signal.SIGKILL)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    var = tmp_path_factory.mktemp("prepared")
    # Collected by tests/conftest.py already; `prepare` sees that and does not compress them again.
    shutil.copytree(settings.STATIC_ROOT, var / "static")
    subprocess.run(supervisor.manage("prepare"), env=environment(var, 1), cwd=ROOT, check=True, capture_output=True)
    return var


@pytest.fixture
def served(prepared: Path, tmp_path: Path) -> Iterator[Served]:
    var = shutil.copytree(prepared, tmp_path / "var")
    running = start(var, free_port())
    until(running.answers)
    yield running
    with contextlib.suppress(ProcessLookupError):
        running.process.send_signal(signal.SIGTERM)
    running.process.wait(30)
    clean_up(var)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_web_and_worker_cleanly(served: Served, number: signal.Signals) -> None:
    groups = [served.group("web-server"), served.group("worker")]
    # A Ctrl-C reaches every process of the terminal's group: the children must not be among them.
    os.killpg(served.process.pid, number)
    assert served.process.wait(30) == 0
    assert [processes.members(group) for group in groups] == [[], []]
    assert [path.name for path in (served.var / "run").iterdir()] == ["supervisor.lock"]
    assert "Traceback" not in served.said()


def manage(served: Served, *arguments: str) -> str:
    """What a command says in another terminal, which knows nothing of where the instance listens."""
    told = subprocess.run(
        supervisor.manage(*arguments),
        env=environment(served.var, 1),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout


def test_another_terminal_is_told_where_it_is_served(served: Served) -> None:
    address = f"http://127.0.0.1:{served.port}/"
    link = manage(served, "setup", "--link")
    assert f"for a day): {address}setup/" in link
    assert "does not run" not in link
    assert f"links in mails begin with {address}" in manage(served, "doctor")
    served.process.terminate()
    served.process.wait(30)
    link = manage(served, "setup", "--link")
    assert "for a day): http://127.0.0.1:1/setup/" in link
    assert f"certdash does not run from {served.var} now: http://127.0.0.1:1 is what" in link


def test_a_killed_web_server_is_started_again(served: Served) -> None:
    first = served.group("web-server")
    os.kill(first.leader, signal.SIGKILL)
    until(lambda: "starting it again" in served.said() and served.answers())
    assert processes.members(first) == []
    assert "was ended by signal 9; starting it again" in served.said()


def test_a_worker_that_nobody_starts_again_is_told_once_its_sign_is_old(served: Served) -> None:
    """The supervisor is killed and then the worker; the web server that is left tells it."""
    until(lambda: ready(served) == {})
    worker = served.group("worker")
    until(lambda: "worker process" in names_of_ticks(served))
    served.process.kill()
    served.process.wait()
    processes.kill(worker)
    assert ready(served) == {}
    # Nothing writes the sign any more: that its time passes is all that is left out here.
    with contextlib.closing(sqlite3.connect(served.var / "certdash.sqlite3", timeout=30)) as database, database:
        old = (datetime.now(UTC) - SIGN_AT_MOST - timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
        database.execute("UPDATE accounts_tickrun SET started_at = ?, finished_at = ?", (old, old))
    assert "no worker runs" in ready(served)["worker"]


def ready(served: Served) -> dict[str, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/readyz", timeout=30) as response:
            body = json.load(response)
    except urllib.error.HTTPError as refusal:
        body = json.load(refusal)
    reasons: dict[str, str] = body["reasons"]
    return reasons


def names_of_ticks(served: Served) -> str:
    with contextlib.closing(sqlite3.connect(served.var / "certdash.sqlite3")) as database:
        return str(database.execute("SELECT name FROM accounts_tickrun").fetchall())


def test_what_a_killed_predecessor_left_is_ended_first(served: Served) -> None:
    left = [served.group("web-server"), served.group("worker")]
    served.process.kill()
    served.process.wait()
    assert all(processes.members(group) for group in left)
    successor = start(served.var, served.port)
    until(lambda: "The dashboard is at" in served.said().partition("left behind")[2])
    assert [processes.members(group) for group in left] == [[], []]
    successor.process.terminate()
    assert successor.process.wait(30) == 0


def test_a_second_one_of_the_same_folder_is_refused_in_a_sentence(served: Served) -> None:
    second = start(served.var, free_port())
    assert second.process.wait(30) == 1
    assert f"certdash runs already, as process {served.process.pid}" in served.said()
    assert served.answers()


def test_of_two_started_at_once_after_a_kill_one_alone_runs(served: Served) -> None:
    served.process.kill()
    served.process.wait()
    both = [start(served.var, free_port()) for _ in range(2)]
    try:
        until(lambda: any(one.process.poll() is not None for one in both))
        loser, winner = sorted(both, key=lambda one: one.process.poll() is None)
        until(winner.answers)
        assert (loser.process.poll(), winner.process.poll()) == (1, None)
        assert "certdash runs already" in served.said()
        assert winner.group("supervisor").leader == winner.process.pid
        assert all(processes.leads(winner.group(name)) for name in ("web-server", "worker"))
    finally:
        for one in both:
            one.process.terminate()
        assert [one.process.wait(30) for one in both]


def test_requests_that_bring_too_much_are_refused_before_they_are_read(served: Served) -> None:
    asked = {
        "411": b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "413": b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n",
        "414": b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "431": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(90)) + b"\r\n",
    }
    assert {status: status_of(served.port, request) for status, request in asked.items()} == {s: s for s in asked}


def status_of(port: int, request: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        match = re.match(rb"HTTP/1\.1 (\d{3})", connection.recv(4096))
    return match[1].decode() if match else "nothing"


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(supervisor.SuperviseError, match=f"{bind} is taken by another program"):
            serve.check_free(bind)


@pytest.mark.parametrize("bind", ["127.0.0.1", "8000", "127.0.0.1:http", "192.0.2.1:8000"])
def test_an_address_that_cannot_be_listened_on_is_told_in_a_sentence(bind: str) -> None:
    with pytest.raises(supervisor.SuperviseError, match="CERTDASH_BIND"):
        serve.check_free(bind)


def test_a_unix_socket_is_left_to_the_web_server() -> None:
    serve.check_free("unix:/run/certdash/socket")
