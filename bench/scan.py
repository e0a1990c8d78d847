"""What a certificate costs to collect: our engine and nmap's ssl-cert on the same servers, in turn; and tarpits."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.labs import Lines, lab
from bench.rows import Row, machine

ROUNDS = 3
# Each port of these answers anybody with one certificate, asked by name or not, so that nmap finds all of them, too.
KINDS = ("in_date", "expiring", "expired", "wrong_name", "untrusted", "self_signed")
ENDPOINTS = 600
TARPITS, GOOD = 1000, 100
# Half of the tarpits at a time, ten seconds each, and as much again to spare.
TARPITS_GOAL = 40
PORTS = 30_000


class Cost(NamedTuple):
    """Of one process: seconds of the processor and by the wall, and how many certificates it found."""

    cpu: float
    wall: float
    found: int


def measure(endpoints: int = ENDPOINTS, rounds: int = ROUNDS) -> list[Row]:
    """Both: the comparison, then the tarpits."""
    return [*compared(endpoints, rounds), *tarpits(TARPITS, GOOD)]


def compared(endpoints: int, rounds: int) -> list[Row]:
    """CPU-seconds of the client for each certificate found; the ratio is nmap's divided by ours."""
    with lab(KINDS, endpoints, PORTS) as (manifest, lines):
        pairs = [(_ours(manifest), _nmap(lines)) for _ in range(rounds)]
    ours, peers = zip(*pairs, strict=True)
    name = f"scan: {len(lines)} servers of the lab"
    return [
        _against(f"{name}, client CPU per certificate", "CPU ms", _each(ours, "cpu"), _each(peers, "cpu")),
        _against(f"{name}, time per certificate", "ms", _each(ours, "wall"), _each(peers, "wall")),
        Row(f"{name}, certificates found", min(c.found for c in ours), "certificates", len(lines), "higher",
            "nmap ssl-cert", min(c.found for c in peers), None, machine()),
    ]  # fmt: skip


def _each(costs: tuple[Cost, ...], clock: str) -> float:
    return float(statistics.median(1000 * getattr(cost, clock) / max(1, cost.found) for cost in costs))


def _against(name: str, unit: str, own: float, peer: float) -> Row:
    return Row(name, own, unit, None, "lower", "nmap ssl-cert", peer, peer / own, machine())


def tarpits(bad: int, good: int) -> list[Row]:
    """Servers that accept and say nothing, and good ones between them."""
    kinds = [*["tarpit"] * (bad // good), "in_date"]
    with lab(kinds, bad + good, PORTS) as (manifest, _):
        cost = _ours(manifest)
    name = f"scan: {bad:,} tarpits and {good} servers, 500 at a time"
    return [
        Row(name, cost.wall, "s", TARPITS_GOAL, "lower", machine=machine()),
        Row(name, cost.cpu, "CPU s", None, "lower", machine=machine()),
        Row(f"{name}, certificates found", cost.found, "certificates", good, "higher", machine=machine()),
    ]


def _ours(manifest: Path) -> Cost:
    wall, cpu, printed = _run([sys.executable, "-m", "bench.collect", str(manifest)])
    return Cost(cpu, wall, int(printed))


def _nmap(lines: Lines) -> Cost:
    program = shutil.which("nmap")
    if program is None:
        raise SystemExit("nmap is not installed: apt-get install nmap")
    ports = ",".join(str(port) for port in sorted({line["port"] for line in lines}))
    addresses = sorted({line["address"] for line in lines})
    command = [program, "-Pn", "-n", "-sT", "-T4", "--script", "ssl-cert", "-oX", "-", "-p", ports, *addresses]
    wall, cpu, printed = _run(command)
    return Cost(cpu, wall, printed.count('<script id="ssl-cert"'))


def _run(command: list[str]) -> tuple[float, float, str]:
    """Seconds by the wall and of the processor, and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        begun = time.perf_counter()
        actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1)]
        process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, used = os.wait4(process, 0)
        spent = time.perf_counter() - begun
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{command[0]} failed")
        output.seek(0)
        return spent, used.ru_utime + used.ru_stime, output.read()
