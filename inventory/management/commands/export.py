"""``manage.py export certificates|endpoints``: the rows of a page, as an administrator sees it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Role, User
from certdash.lib.files import require_writable, writing
from inventory.exports import EXPORTS, FORMATS, note_export, write
from inventory.filters import error_sentences


class Command(BaseCommand):
    help = "Write certificates or endpoints as CSV or JSON: the same rows as the page with the same filter."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=sorted(EXPORTS))
        parser.add_argument("--format", choices=sorted(FORMATS), default="csv")
        parser.add_argument("--filter", default="", help='as in the page\'s address: "status=expired&team=web"')
        parser.add_argument("--output", type=Path, help="a file instead of standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["output"]:
            require_writable(options["output"])
        now = timezone.now()
        export = EXPORTS[options["what"]]
        # Who may run commands here sees everything; no account stands behind it.
        result = export.select(options["filter"], User(role=Role.ADMINISTRATOR), now)
        if result.errors:
            raise CommandError("\n".join(error_sentences(result.errors)))
        pieces = write(export, options["format"], result, now)
        note_export(None, export, options["format"], result, now)
        if options["output"] is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        with (
            writing(options["output"], "The file is not whole."),
            options["output"].open("w", encoding="utf-8", newline="") as file,
        ):
            file.writelines(pieces)
