"""One measured figure, and the list of all of them in ``bench/results.json``."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

PARTS = ("recording", "judging", "report", "pages", "scan", "multiplying")
RESULTS = Path(__file__).with_name("results.json")


def machine() -> str:
    """What it was measured on, and how busy that was with other things in the last minute."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``better`` is "lower" or "higher"; ``goal`` is None where none was promised."""

    name: str
    value: float
    unit: str
    goal: float | None
    better: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    machine: str = ""
    # Of pages and exports: who asked, and how many certificates there were.
    whose: str = ""
    size: int = 0

    @property
    def is_met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def keep(rows: list[Row], file: Path | None = RESULTS) -> None:
    """Print the rows as a table and write all of them to ``file``. Pages were printed; here stand those too slow."""
    print()
    for row in rows:
        if not row.name.startswith("page ") or row.is_met is False:
            print(_line(row))
    missed = sum(row.is_met is False for row in rows)
    print(f"\n{len(rows)} figures, {missed} of them beside their goal. {machine()}")
    if file:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


def _line(row: Row) -> str:
    goal = "" if row.goal is None else f"goal {'≤' if row.better == 'lower' else '≥'} {row.goal:g}"
    met = {None: "", True: "met", False: "NOT MET"}[row.is_met]
    peer = f"{row.peer} {row.peer_value:,.1f} {row.unit}, ratio {row.ratio:.1f}" if row.ratio is not None else ""
    name = f"{row.name}, {row.whose}, {row.size:,}" if row.size else row.name
    return f"{name:<76} {row.value:>10,.1f} {row.unit:<15} {goal:<12} {met:<8} {peer}".rstrip()
