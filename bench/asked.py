"""One address that is asked, as whom, and how long its answers took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client

from bench.rows import Row, machine

GOAL = 200 if "sqlite" in settings.DATABASES["default"]["ENGINE"] else 100
MANY, SOME = 20, 5
# A page that takes longer than this together is slow, and asking it again says nothing more.
PATIENCE = 4.0
# Of a page that this person may not open, or of which this estate has nothing, nothing is measured.
CLOSED = {403, 404}
# A search answers with what it found, or leads to the one thing.
LED = {200, 302}


@dataclass(frozen=True, slots=True)
class Asked:
    """An address; with ``data`` it is sent as a form. ``status`` shows that it was understood (0: see ``LED``)."""

    name: str
    url: str
    rounds: int = MANY
    data: Mapping[str, Any] | None = None
    status: int = 200

    def send(self, client: Client) -> int:
        answer = client.get(self.url) if self.data is None else client.post(self.url, self.data)
        return answer.status_code


def timed(client: Client, asked: Asked, whose: str, size: int, most: int) -> list[Row]:
    """Figures of one address; the first visit fills caches that live as long as the process, and is not told."""
    begun = time.perf_counter()
    status = asked.send(client)
    first = time.perf_counter() - begun
    if status in CLOSED:
        return []
    if status not in ({asked.status} if asked.status else LED):
        # One question that is wrong by now must not take the rest of a long run with it.
        print(f"  {asked.name:<64} ANSWERED {status}", flush=True)
        return [Row(f"page refused: {asked.name}", status, "status", 0, "lower", whose=whose, size=size)]
    walls, cpus, queries = _rounds(client, asked, 1 if first > PATIENCE else min(asked.rounds, most))
    print(
        f"  {asked.name:<64} {statistics.median(walls):6.0f} {_p95(walls):6.0f} ms, CPU {statistics.median(cpus):6.0f} "
        f"{_p95(cpus):6.0f} ms, {queries} queries",
        flush=True,
    )
    figures = (
        ("p50", statistics.median(walls), "ms", GOAL),
        ("p95", _p95(walls), "ms", GOAL),
        ("p95", _p95(cpus), "CPU ms", GOAL),
        ("queries", queries, "queries", None),
    )
    return [
        Row(f"page {kind}: {asked.name}", value, unit, goal, "lower", machine=machine(), whose=whose, size=size)
        for kind, value, unit, goal in figures
    ]


def _rounds(client: Client, asked: Asked, rounds: int) -> tuple[list[float], list[float], int]:
    walls: list[float] = []
    cpus: list[float] = []
    queries = 0
    begun = time.perf_counter()
    while len(walls) < rounds and (not walls or time.perf_counter() - begun < PATIENCE):
        statements: list[str] = []
        wall, cpu = time.perf_counter(), time.process_time()
        with connection.execute_wrapper(_noting(statements)):
            asked.send(client)
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
        queries = len(statements)
    return walls, cpus, queries


def _noting(statements: list[str]) -> Callable[..., Any]:
    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
        statements.append(sql)
        return execute(sql, params, many, context)

    return note


def _p95(times: list[float]) -> float:
    """Of twenty the second worst, of few the worst."""
    ordered = sorted(times)
    return ordered[max(0, int(len(ordered) * 0.95) - 1)] if len(ordered) >= MANY else ordered[-1]
