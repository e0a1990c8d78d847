"""What a report over 5,000 certificates costs: time, and the memory of the process that lays it out."""

from __future__ import annotations

import gzip
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from bench.rows import Row, machine
from inventory.models import Certificate
from reports.services import canonical, freeze_inventory

SIZE = 5_000


class Cost(NamedTuple):
    """Of one process: seconds by the wall and of the processor, and the most memory it had, in MiB."""

    wall: float
    cpu: float
    memory: float


def measure(folder: Path, size: int = SIZE) -> list[Row]:
    """Freeze a report over about so many certificates, and lay it out twice: the bytes must be the same."""
    user = User.objects.get(email="ada@example.org")
    wall, cpu = time.perf_counter(), time.process_time()
    frozen = freeze_inventory(user, _scope(size), timezone.now())
    data = canonical(frozen)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    source, target, again = folder / "data.json.gz", folder / "report.pdf", folder / "again.pdf"
    source.write_bytes(gzip.compress(data))
    cost, second = _lay_out(source, target), _lay_out(source, again)
    name = f"report: {frozen['scope']['certificates']:,} certificates"
    shown = sum(len(section["rows"]) for section in frozen["sections"].values())
    differs = target.read_bytes() != again.read_bytes()
    rows = [
        (f"{name}, {shown:,} rows shown, freeze and lay out", wall + cost.wall, "s", 60),
        (f"{name}, {shown:,} rows shown, freeze and lay out", cpu + cost.cpu, "CPU s", 60),
        (f"{name}, memory of the layout", max(cost.memory, second.memory), "MiB", 1024),
        (f"{name}, size of the PDF", target.stat().st_size / 2**20, "MiB", None),
        (f"{name}, second layouts of the same data with other bytes", int(differs), "documents", 0),
    ]
    return [Row(name, value, unit, goal, "lower", machine=machine()) for name, value, unit, goal in rows]


def _scope(size: int) -> str:
    """The query string of the certificates that end first, as many as wanted (all, if there are fewer)."""
    ends = (
        Certificate.objects.leaves().exclude(not_after=None).order_by("not_after").values_list("not_after", flat=True)
    )
    nth = ends[min(size, ends.count()) - 1]
    return f"expires_before={nth:%Y-%m-%dT%H:%M:%SZ}"


def _lay_out(source: Path, target: Path) -> Cost:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "render_report", str(source), str(target)]
    begun = time.perf_counter()
    process = os.posix_spawn(sys.executable, command, os.environ)
    _, status, used = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("The report was not laid out.")
    return Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
