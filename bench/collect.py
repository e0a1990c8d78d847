"""Collect the certificates of a manifest with our own engine: the process that the benchmark of scans measures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from certdash.lib.egress import Policy
from discovery.engines import own
from discovery.probe import Place, ProbeResult, Served
from inventory.addresses import pack


def main(manifest: Path) -> None:
    """Print how many certificates were found."""
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    places = [Place(line["address"], line["port"], line["server_name"], line["protocol"]) for line in lines]
    loopback = (pack("127.0.0.0"), pack("127.255.255.255"))
    policy = Policy("probe", allowed=(loopback,), special=(loopback,))
    found: list[ProbeResult] = []
    own.probe_many(places, policy, on_result=found.append, parallel=500, variants=False)
    print(sum(isinstance(result, Served) for result in found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
