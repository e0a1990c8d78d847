"""nmap and our own sweep find the same open ports, and nothing but addresses reaches nmap's command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

import pytest

from certdash.lib.drivers import DriverError, extra
from certdash.lib.egress import Policy
from discovery.engines import nmap, own
from discovery.probe import HandshakeFailed, Place, ProbeResult, Reason, Served, Unreachable
from inventory.addresses import pack
from tests.discovery.servers import LOOPBACK, certificate, closed_port, der, server_context, serving, tarpit, tls

ROOT = Path(__file__).resolve().parents[2]
HOSTS = [f"127.0.3.{n}" for n in range(1, 21)]


@pytest.fixture(scope="module")
def doors() -> Iterator[dict[str, int]]:
    """Some open ports on some loopback addresses: address to port."""
    with ExitStack() as stack:
        context = server_context(certificate("leaf"))
        tls_doors = {host: stack.enter_context(serving(tls(context), host)) for host in HOSTS[::4]}
        mute_doors = {host: stack.enter_context(serving(tarpit, host)) for host in HOSTS[1::4]}
        yield tls_doors | mute_doors


def summary(results: list[ProbeResult]) -> set[tuple[str, int, str]]:
    """Open or not and why, for every place."""
    return {
        (r.place.address, r.place.port, r.reason if isinstance(r, Unreachable) else "open: " + type(r).__name__)
        for r in results
    }


def test_nmap_and_our_own_sweep_find_the_same(doors: dict[str, int]) -> None:
    ports = sorted({*doors.values(), *(closed_port() for _ in range(30))})
    places = [Place(host, port) for host in HOSTS for port in ports]
    by_nmap: list[ProbeResult] = []
    by_us: list[ProbeResult] = []
    nmap.probe_many(places, LOOPBACK, on_result=by_nmap.append, timeout=5.0)
    own.probe_many(places, LOOPBACK, on_result=by_us.append, timeout=5.0)
    assert summary(by_nmap) == summary(by_us)
    assert len(by_nmap) == len(places)
    served = {(r.place.address, r.place.port) for r in by_nmap if isinstance(r, Served)}
    assert served == {(host, doors[host]) for host in HOSTS[::4]}
    assert any(isinstance(r, HandshakeFailed) for r in by_nmap)


def test_the_state_of_every_port_is_told_however_many_there_are(doors: dict[str, int]) -> None:
    host, port = HOSTS[0], doors[HOSTS[0]]
    ports = sorted({port, *range(2, 62)})
    found = list(nmap.sweep([host], ports))
    assert sorted(p.port for p in found) == ports
    assert [p.port for p in found if p.state == "open"] == [port]
    assert {p.state for p in found} == {"open", "closed"}


def test_ipv6_goes_to_a_run_of_its_own() -> None:
    with serving(tls(server_context(certificate("leaf"))), "127.0.0.1") as port:
        found = {(p.address, p.state) for p in nmap.sweep(["::1", "127.0.0.1"], [port])}
    assert found == {(pack("::1"), "closed"), (pack("127.0.0.1"), "open")}


@pytest.mark.parametrize(
    "hostile",
    [
        "-oN /tmp/x",
        "-iL/etc/passwd",
        "$(id)",
        "`id`",
        "127.0.0.1 -oN x",
        "localhost",
        "127.0.0.0/30",
        "127.0.0.1-2",
        "",
    ],
)
def test_only_addresses_reach_nmap(hostile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DriverError, match="addresses only"):
        list(nmap.sweep(["127.0.0.1", hostile.replace("/tmp", str(tmp_path))], [443]))  # noqa: S108
    assert list(tmp_path.iterdir()) == []


def test_what_the_policy_refuses_never_reaches_nmap() -> None:
    """Nmap would call the port open; the result is the policy's."""
    with serving(tarpit) as port:
        results: list[ProbeResult] = []
        nmap.probe_many([Place("127.0.0.1", port)], Policy("probe"), on_result=results.append)
    assert [(type(r), getattr(r, "reason", "")) for r in results] == [(Unreachable, Reason.NOT_ALLOWED)]


def test_names_are_looked_up_by_our_own_engine() -> None:
    with serving(tls(server_context(certificate("leaf")))) as port:
        results: list[ProbeResult] = []
        places = [Place("www.example.org", port)]
        nmap.probe_many(places, LOOPBACK, on_result=results.append, resolve=lambda _: ["127.0.0.1"])
    (result,) = results
    assert isinstance(result, Served)
    assert (result.place.server_name, result.variants[0].chain) == ("www.example.org", (der(certificate("leaf")),))


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = extra("nmap", "python-nmap").PortScanner
    monkeypatch.setattr(scanner.__init__, "__defaults__", (("no-such-nmap",),))
    with pytest.raises(DriverError, match="install the package nmap") as error:
        nmap.probe_many([Place("127.0.0.1", 443)], LOOPBACK, on_result=print)
    assert error.value.permanent


def test_stopping_starts_no_further_run(doors: dict[str, int]) -> None:
    results: list[ProbeResult] = []
    nmap.probe_many([Place(HOSTS[0], 1)], LOOPBACK, on_result=results.append, should_stop=lambda: True)
    assert results == []


def test_at_a_low_rate_what_was_found_is_told_in_small_pieces(doors: dict[str, int]) -> None:
    ports = sorted({closed_port() for _ in range(6)})
    results: list[ProbeResult] = []
    places = [Place(HOSTS[0], port) for port in ports]
    with patch.object(nmap, "_AT_RATE_SECONDS", 0.02), patch.object(nmap, "_run", wraps=nmap._run) as runs:
        nmap.probe_many(places, LOOPBACK, on_result=results.append, should_stop=lambda: len(results) >= 4, rate=100.0)
    assert (len(results), runs.call_count) == (4, 2)


def test_a_run_that_nobody_wants_any_more_is_killed(tmp_path: Path) -> None:
    began = monotonic()
    assert nmap._run(["/bin/sleep", "60"], lambda: monotonic() > began + 1) is None
    assert monotonic() < began + 10


def test_a_run_that_does_not_end_is_an_error() -> None:
    with patch.object(nmap, "_MAX_SECONDS", 1), pytest.raises(DriverError, match="did not end within 1 seconds"):
        nmap._run(["/bin/sleep", "60"], own.never)


def test_nmap_ends_with_its_worker(tmp_path: Path) -> None:
    sleeper = ["/bin/sh", "-c", "echo $$ >pid; exec sleep 60"]
    code = f"from discovery.engines import nmap, own; nmap._run({sleeper}, own.never)"
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    pid = int(soon(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()))
    worker.kill()
    worker.wait()
    assert soon(lambda: not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text())


def soon(holds: Callable[[], Any]) -> Any:
    until = monotonic() + 20
    while not (found := holds()) and monotonic() < until:
        sleep(0.05)
    return found
