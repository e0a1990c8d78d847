"""What a certificate costs to collect: our engine and nmap's ssl-cert on the same servers, in turn."""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.rows import Row, machine

ENDPOINTS = 300
ROUNDS = 3
PATIENCE = 60  # seconds until the lab must be up


def measure() -> list[Row]:
    """CPU-seconds of the client for each certificate found; the ratio is nmap's divided by ours."""
    with tempfile.TemporaryDirectory(prefix="certdash-lab-") as folder:
        manifest, plain = Path(folder, "manifest.jsonl"), Path(folder, "plain.jsonl")
        lab = _lab(manifest)
        try:
            lines = _plain(manifest, plain)
            ours, peers = [], []
            for _ in range(ROUNDS):
                ours.append(_cpu([sys.executable, "-m", "bench.collect", str(plain)]))
                peers.append(_cpu(_nmap(lines)))
        finally:
            lab.send_signal(signal.SIGTERM)
            lab.wait(timeout=20)
    own_ms, nmap_ms = (1000 * statistics.median(cpu) / len(lines) for cpu in (ours, peers))
    name = f"scan: client CPU per certificate, {len(lines)} servers of the lab"
    return [Row(name, own_ms, "ms", None, "lower", "nmap ssl-cert", nmap_ms, nmap_ms / own_ms, machine())]


def _lab(manifest: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "lab", "--endpoints", str(ENDPOINTS), "--manifest", str(manifest)]
    lab = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    until = time.monotonic() + PATIENCE
    while not manifest.exists() or not manifest.stat().st_size:
        if time.monotonic() > until or lab.poll() is not None:
            lab.kill()
            raise SystemExit("The lab did not start.")
        time.sleep(0.2)
    time.sleep(1)
    return lab


def _plain(manifest: Path, plain: Path) -> list[dict[str, Any]]:
    """The lines that nmap can read, too: TLS at once, asked without a name, with a certificate to get."""
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    fit = [
        line
        for line in lines
        if line["protocol"] == "tls" and line["outcome"] == "served" and line["leaf_sha256"] and not line["server_name"]
    ]
    plain.write_text("".join(json.dumps(line) + "\n" for line in fit), encoding="utf-8")
    return fit


def _nmap(lines: list[dict[str, Any]]) -> list[str]:
    ports = ",".join(str(port) for port in sorted({line["port"] for line in lines}))
    addresses = sorted({line["address"] for line in lines})
    return ["nmap", "-Pn", "-n", "-sT", "-T4", "--script", "ssl-cert", "-p", ports, *addresses]


def _cpu(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
