"""The lists as files: when the first byte comes, how many rows a second, and how much more memory than before."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from bench.rows import Row, machine

LISTS = ("inventory:certificate_export", "inventory:endpoint_export", "policy:finding_export")
FORMS = ("csv", "json")
# Of what is written, no more than this may be held at a time.
GOAL_MIB = 64
# Of a large estate about thirty thousand rows: what they cost, each million costs as many times.
TEAMS = "&".join(f"team=team-{number}" for number in (1, 2, 3, 4))


def measure(client: Client, user: User, whose: str, size: int) -> list[Row]:
    """Those who see everything take four teams' share, others all that they see."""
    query = f"?{TEAMS}" if user.sees_everything else ""
    return [row for name in LISTS for form in FORMS for row in _export(client, name, form, query, (whose, size))]


def _export(client: Client, name: str, form: str, query: str, of: tuple[str, int]) -> list[Row]:
    words = f"{name.partition(':')[2].partition('_')[0]}s as {form.upper()}"
    before = _forget_peak()
    begun = time.perf_counter()
    answer: Any = client.get(f"{reverse(name, args=[form])}{query}")
    pieces = iter(answer.streaming_content)
    lines = next(pieces).count(b"\n")
    first = time.perf_counter() - begun
    lines += sum(piece.count(b"\n") for piece in pieces)
    took = time.perf_counter() - begun
    # One line is the head of a table; of JSON there is one more, the foot.
    rows = lines - (1 if form == "csv" else 2)
    figures = (
        ("rows", rows, "rows", None, "higher"),
        ("first byte", first * 1000, "ms", None, "lower"),
        ("speed", rows / took, "rows per second", None, "higher"),
        ("memory", _peak() - before, "MiB", GOAL_MIB, "lower"),
    )
    print(f"  {words:<64} {rows:,} rows, " + ", ".join(f"{f[0]} {f[1]:,.0f} {f[2]}" for f in figures[1:]), flush=True)
    return [
        Row(f"export {kind}: {words}", value, unit, goal, better, machine=machine(), whose=of[0], size=of[1])
        for kind, value, unit, goal, better in figures
    ]


def _forget_peak() -> float:
    """What the process holds now, which from here on is the most that it held (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak()


def _peak() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
