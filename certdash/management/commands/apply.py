"""``manage.py apply FILE.yaml``: bring the installation in line with a configuration file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.utils import OperationalError
from django.utils import timezone

from accounts.models import User
from accounts.services import AuditRefusedError, can_send_mail, send_invitation, user_of_this_machine
from certdash.lib.declare import DeclareError
from certdash.management import telling
from certdash.management.applying import Outcome, bring_in_line, read_file

MOST_BYTES = 1_000_000
REFUSED = 1
WOULD_CHANGE = 2


class Command(BaseCommand):
    help = (
        "Create or update what a YAML file names: organisation, teams, zones, networks, sources, ownership rules, "
        "trusted roots and more. All of it or nothing; what is not named stays. "
        "Exit status: 0 done or nothing to do, 1 refused, 2 with --check if something would change."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the file, or - for what comes in")
        parser.add_argument("--check", action="store_true", help="change nothing; exit status 2 if something would be")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        content, folder = _content(options["file"])
        sha256 = ""
        try:
            file = read_file(content, folder)
            sha256 = file.sha256
            outcome = bring_in_line(file, user_of_this_machine(), timezone.now(), check=options["check"])
        except DeclareError as error:
            outcome = Outcome(problems=list(error.problems))
        except (AuditRefusedError, OperationalError) as error:
            raise CommandError(f"Nothing was changed: {error}") from error
        self._tell(outcome, sha256, options)
        self._invite(outcome)
        if outcome.problems:
            sys.exit(REFUSED)
        if options["check"] and outcome.changes:
            sys.exit(WOULD_CHANGE)

    def _tell(self, outcome: Outcome, sha256: str, options: dict[str, Any]) -> None:
        done = not outcome.problems and not options["check"]
        if options["json"]:
            said = {"file": options["file"], "sha256": sha256, "applied": done and bool(outcome.changes)}
            self.stdout.write(telling.as_json(said, outcome.changes, outcome.problems))
            return
        if not outcome.problems or outcome.changes:
            self.stdout.write("\n".join(telling.lines(outcome.changes)))
        for problem in outcome.problems:
            self.stderr.write(f"{options['file']}, {problem}" if problem.line else str(problem))
        if outcome.problems:
            self.stderr.write("Nothing was changed.")
        elif outcome.changes:
            self.stdout.write("This would be changed." if options["check"] else "Done.")

    def _invite(self, outcome: Outcome) -> None:
        """The accounts stand by now. A link that no mail takes is said here, for who types it on."""
        for email, link in outcome.invited.items():
            by_hand = f"Give {email} this link; it works once, for a day: {link}"
            if not can_send_mail():
                self.stderr.write(by_hand)
                continue
            try:
                send_invitation(User.objects.get(email=email), link)
            except OSError as error:
                self.stderr.write(f"The mail server refused the invitation: {error}. {by_hand}")


def _content(name: str) -> tuple[bytes, Path]:
    try:
        if name == "-":
            return _whole(sys.stdin.buffer.read(MOST_BYTES + 1)), Path()
        path = Path(name)
        with path.open("rb") as file:
            return _whole(file.read(MOST_BYTES + 1)), path.parent
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


def _whole(content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise CommandError(f"The file has more than {MOST_BYTES:,} bytes.")
    return content
