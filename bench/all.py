"""All benchmarks, in the order in which each needs what the one before made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.core.management import call_command

from bench import judging, pages, recording, report, scan
from bench.multiply import multiply
from bench.rows import RESULTS, Row, keep
from inventory.services import refresh_statistics

PARTS = ("recording", "judging", "report", "pages", "scan")


def measure(only: Iterable[str], certificates: int, times: int, folder: Path) -> None:
    """Fill the estate and measure; ``only`` names parts, none means all. What a part needs is done (and told), too."""
    wanted = set(only) or set(PARTS)
    rows: list[Row] = []
    if wanted - {"scan"}:
        rows += _estate(wanted, certificates)
    if "report" in wanted:
        rows += report.measure(folder)
    if "pages" in wanted:
        rows += pages.measure(certificates)
    if "scan" in wanted:
        rows += scan.measure()
    if "pages" in wanted and times > 1:
        multiply(times)
        refresh_statistics()
        rows += pages.measure(certificates * times)
    keep(rows, RESULTS if wanted == set(PARTS) else folder / "results.json")


def _estate(wanted: set[str], certificates: int) -> list[Row]:
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    rows = recording.measure(certificates)
    if wanted != {"recording"}:
        rows += judging.measure()
    refresh_statistics()  # as every night
    return rows
