"""Check the audit chain against the copy of its end that is kept outside the database."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.services import Outside, Verification, keep_check, verify_stored


class Command(BaseCommand):
    help = "Find every audit event that was edited, deleted, inserted, moved or cut off. Exit code 1 if there is one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            action="append",
            metavar="FILE|NUMBER:DIGEST",
            help="what is known outside the database: a file of heads (once per web machine), or a head as printed in "
            "a report; without it, the file CERTDASH_AUDIT_HEADS",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found, outside = verify_stored(options["head"] or ())
        except (OSError, ValueError) as error:
            raise CommandError(f"The head cannot be read: {error}", returncode=2) from error
        now = timezone.now()
        if not options["head"]:
            keep_check(found, now)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found)))
        else:
            self._write(found, outside, now)
        if found.faults:
            raise SystemExit(1)

    def _write(self, found: Verification, outside: Outside, now: datetime) -> None:
        for fault in found.faults:
            self.stdout.write(str(fault))
        if not found.faults:
            at = now.strftime("%Y-%m-%d %H:%M UTC")
            self.stdout.write(f"{found.events} events verified up to number {found.number} at {at}.")
        if found.newer and outside.kept:
            self.stdout.write(f"{found.newer} events are newer than the last head known outside.")
        self.stdout.write(f"head {found.number}:{found.digest}")


def _as_json(found: Verification) -> dict[str, Any]:
    return {
        "verified": not found.faults,
        "events": found.events,
        "number": found.number,
        "digest": found.digest,
        "newer_than_head": found.newer,
        "faults": [{"number": fault.number, "what": fault.what} for fault in found.faults],
    }
