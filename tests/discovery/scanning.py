"""Ways to start and run a scan in this process."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from discovery.models import Scan, ScanShard
from discovery.services import Ask, run_shard, start_scan


def clock() -> datetime:
    return datetime.now(UTC)


def start(targets: str, **ask: Any) -> Scan:
    return start_scan(Ask(targets, **ask), actor=None, now=clock())


def run_all(scan: Scan) -> Scan:
    for shard in scan.shards.all():
        run_shard(shard.pk, "test", clock)
    scan.refresh_from_db()
    return scan


def counts(row: Scan | ScanShard) -> dict[str, int]:
    """The counts that are not nought."""
    names = ("asked", "answered", "refused", "silent", "excluded", "failed")
    return {name: getattr(row, name) for name in names if getattr(row, name)}


def resolving(addresses: list[str]) -> AbstractContextManager[Any]:
    """Every name has these addresses: the engine looks names up through getaddrinfo."""

    def found(*_args: Any, **_kwargs: Any) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    return patch("socket.getaddrinfo", found)
