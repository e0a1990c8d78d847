"""Lay out frozen data in a process of its own, so that it can be limited and killed."""

from __future__ import annotations

import gzip
import hashlib
import json
import resource
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from reports.exports import as_pdf

MOST_MEMORY = 3 * 1024**3  # address space; the resident part stays below 1 GiB for 5,000 certificates


class Command(BaseCommand):
    help = "Lay out the frozen data of a report (gzip-compressed JSON) as PDF. Used by the worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path)
        parser.add_argument("target", type=Path)

    def handle(self, *args: Any, source: Path, target: Path, **options: Any) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        data = gzip.decompress(source.read_bytes())
        target.write_bytes(as_pdf.render(json.loads(data), hashlib.sha256(data).hexdigest()))
