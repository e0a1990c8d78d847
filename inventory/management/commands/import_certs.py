"""``manage.py import_certs PATH…``: certificates from files and folders into the inventory, without a preview."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Team
from accounts.services import on_command_line
from certdash.lib.inert import visible
from inventory.models import ImportItem
from inventory.services.importing import import_outright, look_over
from inventory.sources.folders import Folders
from inventory.sources.value import Found

_TELL_EVERY = 1000


class Item(NamedTuple):
    """One line of the answer."""

    path: str
    offset: int
    outcome: str
    name: str = ""
    sha256: str = ""
    reason: str = ""


class Command(BaseCommand):
    help = (
        "Import certificates from files and folders: PEM, DER, PKCS#7, PKCS#12, ZIP, TAR. Private keys are left aside. "
        "Exit code 1 if something was refused, 2 if nothing could be begun."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with all below it")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of each thing")
        parser.add_argument("--json", action="store_true", help="print one JSON object with every item")
        parser.add_argument("--team", default="", metavar="SLUG", help="whose what is new becomes, unless a rule says")
        parser.add_argument(
            "--password-file", type=Path, metavar="FILE", help="the password of PKCS#12 files, one line"
        )

    @on_command_line()
    def handle(self, *args: Any, **options: Any) -> None:
        paths: list[Path] = options["paths"]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise CommandError(f"There is no {visible(missing[0])}.", returncode=2)
        folders = Folders(_password(options["password_file"]))
        found = self._watched(folders.read(paths))
        if options["dry_run"]:
            number, items = None, _items(look_over(found))
        else:
            name = ", ".join(map(str, paths))
            of = import_outright(name, found, team=_team(options["team"]), clock=timezone.now)
            number, items = of.pk, _items(of.items.order_by("position").defer("der").iterator(2000))
        refused = self._tell(number, items, folders, as_json=options["json"])
        if refused:
            sys.exit(1)

    def _watched(self, found: Iterable[Found]) -> Iterator[Found]:
        """Say on a terminal how far it is."""
        for number, each in enumerate(found, 1):
            if number % _TELL_EVERY == 0 and self.stderr.isatty():
                self.stderr.write(f"\r{number:,} read", ending="")
            yield each

    def _tell(self, number: int | None, items: Iterator[Item], folders: Folders, *, as_json: bool) -> int:
        counts: Counter[str] = Counter()
        if as_json:
            self.stdout.write("{" + f'"import": {json.dumps(number)}, "items": [', ending="")
        for item in items:
            if as_json:
                self.stdout.write(",\n" * bool(counts) + json.dumps(item._asdict()), ending="")
            elif item.outcome == ImportItem.Outcome.REFUSED:
                self.stdout.write(f"refused: {_place(item)}: {item.reason}")
            counts[item.outcome] += 1
        skipped = [Item(found.path, found.offset, "skipped", reason=found.reason) for found in folders.skipped]
        if as_json:
            rest = {"skipped": [item._asdict() for item in skipped], "counts": {**counts, "skipped": len(skipped)}}
            self.stdout.write(f"],\n{json.dumps(rest)[1:]}")
        else:
            self._sum_up(number, counts, skipped, folders.files)
        return counts[ImportItem.Outcome.REFUSED]

    def _sum_up(self, number: int | None, counts: Counter[str], skipped: list[Item], files: int) -> None:
        for item in skipped:
            self.stdout.write(f"left aside: {_place(item)}: {item.reason}")
        new = counts["new"] + counts["partial"]
        line = f"{files} files: {new} new certificates"
        line += f" ({counts['partial']} of them readable in part)" if counts["partial"] else ""
        line += f", {counts['known']} known already, {counts['refused']} refused, {len(skipped)} left aside."
        self.stdout.write(line)
        self.stdout.write("Nothing was stored." if number is None else f"Stored as import {number}.")


def _items(rows: Iterable[ImportItem]) -> Iterator[Item]:
    for row in rows:
        yield Item(row.path, row.offset, row.outcome, row.label, row.sha256, row.reason)


def _place(item: Item) -> str:
    return visible(f"{item.path} at byte {item.offset}" if item.offset else item.path)


def _team(slug: str) -> Team | None:
    team = Team.objects.filter(slug=slug).first() if slug else None
    if slug and team is None:
        raise CommandError(f"There is no team {visible(slug)}.", returncode=2)
    return team


def _password(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.", returncode=2) from error
