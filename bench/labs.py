"""A lab in a process of its own, while it is needed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from django.conf import settings

PATIENCE = 120  # seconds until the lab must be up
Lines: TypeAlias = list[dict[str, Any]]


@contextmanager
def lab(kinds: Sequence[str], endpoints: int, port_base: int) -> Iterator[tuple[Path, Lines]]:
    """Yield the manifest of the open lab, and its lines."""
    with tempfile.TemporaryDirectory(prefix="certdash-lab-") as folder:
        manifest = Path(folder, "manifest.jsonl")
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "lab"]
        command += ["--kinds", ",".join(kinds), "--endpoints", str(endpoints)]
        command += ["--manifest", str(manifest), "--port-base", str(port_base)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            _wait(process)
            yield manifest, [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def _wait(process: subprocess.Popen[str]) -> None:
    """Until it says that it is open."""
    if process.stdout is None:
        raise SystemExit("The lab has no output.")
    until = time.monotonic() + PATIENCE
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            return
        if time.monotonic() > until:
            break
    process.kill()
    raise SystemExit("The lab did not start.")
