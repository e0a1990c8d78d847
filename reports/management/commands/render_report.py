"""Lay out frozen data in a process of its own, so that it can be limited and killed."""

from __future__ import annotations

import ctypes
import gc
import gzip
import hashlib
import json
import os
import resource
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.exports import as_pdf

MOST_MEMORY = 3 * 1024**3  # address space; the resident part stays below 1 GiB for 5,000 certificates

# Laying out keeps nearly all that it makes until the end: looking for garbage as often as usual costs a quarter of the
# time and finds next to nothing.
COLLECT_AFTER = 200_000

PR_SET_PDEATHSIG = 1


class Command(BaseCommand):
    help = "Lay out the frozen data of a report (gzip-compressed JSON) as PDF. Used by the worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path)
        parser.add_argument("target", type=Path)
        parser.add_argument("--parent", type=int, help="the process that waits: end with it")

    def handle(self, *args: Any, source: Path, target: Path, parent: int | None, **options: Any) -> None:
        _end_with(parent)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        gc.set_threshold(COLLECT_AFTER)
        data = gzip.decompress(source.read_bytes())
        target.write_bytes(as_pdf.render(json.loads(data), hashlib.sha256(data).hexdigest()))


def _end_with(parent: int | None) -> None:
    """Be killed when the process that waits for us ends: nobody would take what we make."""
    if parent is None:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise CommandError("The process that waited for this has ended.")
