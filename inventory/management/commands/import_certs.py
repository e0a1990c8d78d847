"""``manage.py import_certs PATH…``: certificates from files and folders into the inventory, without a preview."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Team, User
from accounts.services import on_command_line
from certdash.lib.inert import visible
from inventory.models import ImportItem
from inventory.services.importing import (
    ImportRefusedError,
    Sheet,
    import_outright,
    import_rows,
    look_over,
    look_over_rows,
    open_sheet,
)
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
    # What a row, or renewal settings, change: label, and the old and new value of each field.
    changes: Sequence[Mapping[str, Any]] = ()

    def as_json(self) -> str:
        told = self._asdict()
        if not self.changes:
            del told["changes"]
        return json.dumps(told)


class Command(BaseCommand):
    help = (
        "Import certificates from files and folders: PEM, DER, PKCS#7, PKCS#12, ZIP, TAR. Private keys are left aside. "
        "Or a spreadsheet: CSV, or JSON as a list of objects. "
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

        sheet = parser.add_argument_group("a spreadsheet")
        sheet.add_argument(
            "--as", dest="person", default="", metavar="EMAIL", help="who imports it; their rights count"
        )
        sheet.add_argument(
            "--mapping", default="", metavar="NAME", help="a mapping of columns that was kept on the pages"
        )
        sheet.add_argument("--overwrite", action="store_true", help="also write over what people said before")
        sheet.add_argument("--create-teams", action="store_true", help="make teams that do not exist (administrators)")

    @on_command_line()
    def handle(self, *args: Any, **options: Any) -> None:
        paths: list[Path] = options["paths"]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise CommandError(f"There is no {visible(missing[0])}.", returncode=2)
        if sheet := _sheet(paths, options):
            self._import_sheet(sheet, options)
            return
        folders = Folders(_password(options["password_file"]))
        found = self._watched(folders.read(paths))
        if options["dry_run"]:
            number, items = None, _items(look_over(found))
        else:
            name = ", ".join(map(str, paths))
            of = import_outright(name, found, team=_team(options["team"]), clock=timezone.now)
            number, items = of.pk, _items(of.items.order_by("position").defer("der").iterator(2000))
        counts = self._tell(number, items, {}, folders.skipped, as_json=options["json"])
        if not options["json"]:
            self._sum_up(number, counts, folders)
        _end(counts)

    def _import_sheet(self, sheet: Sheet, options: dict[str, Any]) -> None:
        person = _person(options["person"])
        try:
            if options["dry_run"]:
                number, items = None, _items(look_over_rows(sheet, person))
            else:
                of = import_rows(sheet, team=_team(options["team"]), actor=person, clock=timezone.now)
                number, items = of.pk, _items(of.items.order_by("position").defer("der").iterator(2000))
            about = {"columns": sheet.mapping, "not_kept": sheet.not_kept}
            counts = self._tell(number, items, about, [], as_json=options["json"])
        except PermissionDenied as error:
            raise CommandError(str(error), returncode=2) from error
        if not options["json"]:
            self._sum_up_rows(number, counts, sheet)
        _end(counts)

    def _watched(self, found: Iterable[Found]) -> Iterator[Found]:
        """Say on a terminal how far it is."""
        for number, each in enumerate(found, 1):
            if number % _TELL_EVERY == 0 and self.stderr.isatty():
                self.stderr.write(f"\r{number:,} read", ending="")
            yield each

    def _tell(
        self, number: int | None, items: Iterator[Item], about: dict[str, Any], left: list[Found], *, as_json: bool
    ) -> Counter[str]:
        """``left`` is filled while the items are read."""
        counts: Counter[str] = Counter()
        if as_json:
            head = json.dumps({"import": number, **about})
            self.stdout.write(f'{head[:-1]}, "items": [', ending="")
        for item in items:
            if as_json:
                self.stdout.write(",\n" * bool(counts) + item.as_json(), ending="")
            else:
                self._tell_item(item)
            counts[item.outcome] += 1
        if as_json:
            skipped = [
                {"path": found.path, "offset": found.offset, "outcome": "skipped", "reason": found.reason}
                for found in left
            ]
            rest = {"skipped": skipped, "counts": {**counts, "skipped": len(left)}}
            self.stdout.write(f"],\n{json.dumps(rest)[1:]}")
        return counts

    def _tell_item(self, item: Item) -> None:
        if item.outcome == ImportItem.Outcome.REFUSED:
            self.stdout.write(f"refused: {_place(item.path, item.offset)}: {item.reason}")
            return
        for change in item.changes:
            for value in change.get("values", ()):
                what = visible(change["label"] or item.name)
                old = f"{value['old']} → " if value["old"] else ""
                self.stdout.write(f"{what}: {value['field']}: {old}{value['new']}")
        if item.changes and item.reason:
            self.stdout.write(f"{_place(item.path, item.offset)}: {item.reason}")

    def _sum_up(self, number: int | None, counts: Counter[str], folders: Folders) -> None:
        for found in folders.skipped:
            self.stdout.write(f"left aside: {_place(found.path, found.offset)}: {found.reason}")
        new = counts["new"] + counts["partial"]
        line = f"{folders.files} files: {new} new certificates"
        line += f" ({counts['partial']} of them readable in part)" if counts["partial"] else ""
        line += f", {counts['known']} known already, {counts['refused']} refused, {len(folders.skipped)} left aside."
        if counts["matched"]:
            self.stdout.write(f"Renewal settings of {counts['matched']} certificates were read.")
        self.stdout.write(line)
        self._tell_number(number)

    def _sum_up_rows(self, number: int | None, counts: Counter[str], sheet: Sheet) -> None:
        for heading, field in sheet.mapping.items():
            self.stdout.write(f"column {visible(heading)}: {field}")
        if sheet.not_kept:
            self.stdout.write(f"not kept: {', '.join(visible(name) for name in sheet.not_kept)}")
        self.stdout.write(
            f"{counts.total()} rows: {counts['matched']} match what is known, {counts['waiting']} wait for a scan, "
            f"{counts['new']} new certificates, {counts['known']} known already, {counts['refused']} refused."
        )
        self._tell_number(number)

    def _tell_number(self, number: int | None) -> None:
        self.stdout.write("Nothing was stored." if number is None else f"Stored as import {number}.")


def _items(rows: Iterable[ImportItem]) -> Iterator[Item]:
    for row in rows:
        changes = row.data.get("changes", ())
        yield Item(row.path, row.offset, row.outcome, row.label, row.sha256, row.reason, changes)


def _end(counts: Counter[str]) -> None:
    if counts[ImportItem.Outcome.REFUSED]:
        sys.exit(1)


def _place(path: str, offset: int) -> str:
    if not path:
        return f"row {offset}"
    return visible(f"{path} at byte {offset}" if offset else path)


def _sheet(paths: list[Path], options: dict[str, Any]) -> Sheet | None:
    """The spreadsheet that is named, if it is one; it comes alone."""
    ticks = {"overwrite": options["overwrite"], "create_teams": options["create_teams"]}
    ticked = {name: "yes" for name, on in ticks.items() if on}
    try:
        sheets = [sheet for path in paths if (sheet := open_sheet(path, options["mapping"], ticked))]
    except (ImportRefusedError, OSError) as error:
        raise CommandError(str(error), returncode=2) from error
    if sheets and len(paths) > 1:
        raise CommandError("Import a spreadsheet alone: one file, and nothing beside it.", returncode=2)
    if not sheets and (options["mapping"] or options["person"]):
        raise CommandError("That is no table that can be read: CSV, or JSON as a list of objects.", returncode=2)
    return sheets[0] if sheets else None


def _person(email: str) -> User:
    if not email:
        raise CommandError("A spreadsheet speaks for a person: say who imports it, with --as EMAIL.", returncode=2)
    found = User.objects.filter(email__iexact=email, is_active=True).first()
    if found is None:
        raise CommandError(f"There is no account {visible(email)}.", returncode=2)
    return found


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
