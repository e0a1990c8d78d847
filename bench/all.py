"""All benchmarks, in the order in which each needs what the one before made."""

from __future__ import annotations

import django

django.setup()

from pathlib import Path  # noqa: E402 - models can be imported only after the set-up

from django.core.management import call_command  # noqa: E402

from bench import pages, recording, report, scan  # noqa: E402
from bench.rows import Row, keep  # noqa: E402


def measure(only: list[str] | None, certificates: int, folder: Path) -> None:
    """Fill the estate and measure; ``only`` names parts, None means all."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    rows: list[Row] = []
    wanted = set(only or ("recording", "scan", "report", "pages"))
    rows += recording.measure(certificates)
    if "scan" in wanted:
        rows += scan.measure()
    if "report" in wanted:
        rows += report.measure(folder)
    if "pages" in wanted:
        rows += pages.measure(certificates)
    keep(rows)
