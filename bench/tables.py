"""The figures of a run as the tables of docs/benchmarks.md: ``python -m bench.tables [FILE]``; above goal in bold."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.rows import RESULTS, Row

Cells = Mapping[tuple[str, str], Row]
PAGE = ("p50", "p95", "queries")
EXPORT = ("rows", "first byte", "speed", "memory")


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    print(tables([Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))]))


def tables(rows: list[Row]) -> str:
    parts = [_figures([row for row in rows if not row.size])]
    for size in sorted({row.size for row in rows if row.size}):
        here = [row for row in rows if row.size == size]
        for kind, columns in (("page", PAGE), ("export", EXPORT)):
            parts += _wide(kind, columns, [row for row in here if row.name.startswith(f"{kind} ")], size)
    return "\n\n".join(part for part in parts if part)


def _figures(rows: list[Row]) -> str:
    lines = [f"| {row.name} | {row.value:,.1f} {row.unit} | {_goal(row)} | {_peer(row)} |" for row in rows]
    return "\n".join(["| figure | value | goal | peer |", "|---|---|---|---|", *lines]) if lines else ""


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    met = "met" if row.is_met else "**not met**"
    return f"{'≤' if row.better == 'lower' else '≥'} {row.goal:,g}: {met}"


def _peer(row: Row) -> str:
    if row.peer_value is None:
        return ""
    return f"{row.peer} {row.peer_value:,.1f}" + (f", ratio {row.ratio:.1f}" if row.ratio else "")


def _wide(kind: str, columns: Iterable[str], rows: list[Row], size: int) -> list[str]:
    """A line for each page, with the columns of each person side by side."""
    lines: dict[str, dict[tuple[str, str], Row]] = defaultdict(dict)
    for row in rows:
        head, _, name = row.name.partition(": ")
        if not row.unit.startswith("CPU"):
            lines[name][row.whose, head.removeprefix(f"{kind} ")] = row
    if not lines:
        return []
    asked = [(whose, column) for whose in dict.fromkeys(row.whose for row in rows) for column in columns]
    heads = [kind, *(f"{whose}: {column}" for whose, column in asked)]
    body = [
        [f"`{name}`" if "?" in name else name, *(_cell(cells, key) for key in asked)] for name, cells in lines.items()
    ]
    table = [heads, ["---"] * len(heads), *body]
    goals = {f"{row.goal:g} {row.unit}" for row in rows if row.goal is not None and not row.unit.startswith("CPU")}
    return [
        f"{size:,} certificates, goal ≤ {', '.join(sorted(goals))}:",
        "\n".join(f"| {' | '.join(cells)} |" for cells in table),
    ]


def _cell(cells: Cells, key: tuple[str, str]) -> str:
    """Empty where the person may not open the page."""
    row = cells.get(key)
    if row is None:
        return ""
    value = f"{row.value:,.0f}"
    return f"**{value}**" if row.is_met is False else value


if __name__ == "__main__":
    main()
