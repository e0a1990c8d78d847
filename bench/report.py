"""What a report over 5,000 certificates costs: time, and the memory of the process that lays it out."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from bench.rows import Row, machine
from inventory.models import Certificate
from reports.services import canonical, freeze_inventory

SIZE = 5_000


def measure(folder: Path) -> list[Row]:
    """Freeze and lay out a report whose scope has about 5,000 certificates."""
    import gzip  # noqa: PLC0415

    user = User.objects.get(email="ada@example.org")
    nth = Certificate.objects.leaves().order_by("not_after")[min(SIZE, Certificate.objects.leaves().count() - 1)]
    query = f"expires_before={nth.not_after:%Y-%m-%dT%H:%M:%SZ}"
    begun = time.perf_counter()
    data = canonical(freeze_inventory(user, query, timezone.now()))
    frozen = time.perf_counter() - begun
    source, target = folder / "data.json.gz", folder / "report.pdf"
    source.write_bytes(gzip.compress(data))
    begun = time.perf_counter()
    command = ["/usr/bin/time", "-v", sys.executable, str(settings.BASE_DIR / "manage.py"), "render_report"]
    done = subprocess.run([*command, str(source), str(target)], capture_output=True, text=True, check=True)  # noqa: S603
    spent = time.perf_counter() - begun
    memory = int(re.findall(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)[0]) / 1024
    return [
        Row("report: 5,000 certificates, freeze and lay out", frozen + spent, "s", 60, "lower", machine=machine()),
        Row("report: 5,000 certificates, memory of the layout", memory, "MiB", 1024, "lower", machine=machine()),
    ]
