"""All benchmarks, in the order in which each needs what the one before made."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from django.core.management import call_command

from accounts.models import User
from bench import judging, pages, recording, report, scan
from bench.multiply import multiply
from bench.rows import PARTS, RESULTS, Row, keep, machine
from inventory.models import Certificate
from inventory.services import refresh_statistics

# What needs no estate, or makes one.
MAKING = {"recording", "judging"}


def measure(only: Iterable[str], certificates: int, times: int, folder: Path) -> list[Row]:
    """Fill the estate and measure; ``only`` names parts, none means all. What a part needs is done (and told), too."""
    wanted = set(only) or set(PARTS)
    rows: list[Row] = []
    call_command("migrate", verbosity=0)
    is_there = Certificate.objects.exists()
    if is_there:
        _look_at(wanted)
    elif wanted - {"scan"}:
        rows += _estate(wanted, certificates)
    if "report" in wanted:
        rows += report.measure(folder)
    if "pages" in wanted:
        rows += pages.measure()
    if "scan" in wanted:
        rows += scan.measure()
    if not is_there and wanted & {"pages", "multiplying"} and times > 1:
        rows += _multiplied(times)
        rows += pages.measure() if "pages" in wanted else []
    return rows


def keep_all(rows: list[Row], only: Iterable[str], file: Path | None) -> None:
    keep(rows, file or (RESULTS if set(only) in (set(), set(PARTS)) else None))


def _look_at(wanted: set[str]) -> None:
    """An estate that is there must be one of ours: its pages are opened, and that is noted as a person's doing."""
    if wanted & MAKING:
        raise SystemExit("An estate is there already: measure its pages or its report with --only pages report.")
    if User.objects.filter(email__in=pages.PEOPLE.values()).count() < len(pages.PEOPLE):
        raise SystemExit("What is there was not made by these benchmarks.")


def _estate(wanted: set[str], certificates: int) -> list[Row]:
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    rows = recording.measure(certificates)
    if wanted != {"recording"}:
        rows += judging.measure()
    refresh_statistics()  # as every night
    return rows


def _multiplied(times: int) -> list[Row]:
    begun = time.perf_counter()
    multiply(times)
    refresh_statistics()
    name = f"multiply: {Certificate.objects.count():,} certificates"
    return [Row(name, time.perf_counter() - begun, "s", None, "lower", machine=machine())]
