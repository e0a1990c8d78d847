"""Make a report from the command line."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Role, User
from accounts.services import on_command_line
from certdash.lib.files import require_writable, writing
from certdash.lib.work import WorkStatus
from reports.models import Report
from reports.services import make_report, request_report


class Command(BaseCommand):
    help = "Make a report and write its PDF. It shows what the person may see (default: the first administrator)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=Report.Kind.values)
        parser.add_argument("--output", required=True, type=Path, help="the file to write")
        parser.add_argument("--filter", default="", help='as on the page, e.g. "status=expired&team=web"')
        parser.add_argument("--user", help="the e-mail address of the person whose view is taken")

    @on_command_line()
    def handle(self, *args: Any, kind: str, output: Path, **options: Any) -> None:
        require_writable(output)
        user = self._person(options["user"])
        try:
            report = request_report(user, options["filter"], timezone.now(), enqueue=False)
        except ValueError as error:
            raise CommandError("\n".join(["--filter was not understood.", *_sentences(error)])) from error
        make_report(report.pk, f"command {os.getpid()}", timezone.now)
        report.refresh_from_db()
        if report.status != WorkStatus.DONE:
            raise CommandError(f"Report {report.pk} was not made: {report.error}")
        with writing(output, f"Report {report.pk} is made and kept: it is on the page /reports/{report.pk}/."):
            output.write_bytes(bytes(report.pdf or b""))
        self.stdout.write(f"{output}: report {report.pk}, {report.pdf_size:,} bytes")
        self.stdout.write(f"sha256 of the file  {report.pdf_sha256}\nsha256 of the data  {report.data_sha256}")

    def _person(self, email: str | None) -> User:
        people = User.objects.filter(is_active=True)
        chosen = people.filter(email__iexact=email) if email else people.filter(role=Role.ADMINISTRATOR)
        person = chosen.order_by("pk").first()
        if person is None:
            raise CommandError(f"There is no active {'account ' + email if email else 'administrator'}.")
        return person


def _sentences(error: ValueError) -> list[str]:
    """What is wrong with a filter is told as one sentence or as several."""
    said = error.args[0]
    return said if isinstance(said, list) else [str(said)]
