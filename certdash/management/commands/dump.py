"""``manage.py dump``: write the present state as a configuration file that ``apply`` takes."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from certdash.lib.declare import dumped
from certdash.lib.files import require_writable, writing
from certdash.management.applying import SECTIONS

_HEAD = "# Written by manage.py dump; manage.py apply takes it. No secret stands in it.\n\n"


class Command(BaseCommand):
    help = "Write organisation, teams, networks, sources, rules and more as YAML that `manage.py apply` takes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, metavar="FILE", help="write a file instead of printing")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["output"]
        if path is not None:
            require_writable(path)
        with transaction.atomic():
            text = _HEAD + dumped(SECTIONS)
        if path is None:
            self.stdout.write(text, ending="")
            return
        with writing(path, "Nothing else was done."):
            path.write_text(text, encoding="utf-8")
