"""Make the database, the cache table, the static files and the schedule ready for this version of the code."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db.utils import OperationalError

from certdash import health
from certdash.management import static


class Command(BaseCommand):
    # Those that need the URLs are left to `check`: reading all views takes longer than the rest.
    requires_system_checks = [Tags.security, Tags.files]
    help = "Prepare var/ and the database for serving; safe to run again, and quick when nothing changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--skip-static", action="store_true", help="leave the static files as they are")

    def handle(self, **options: Any) -> None:
        others = os.umask(0o077)
        try:
            self._prepare(skip_static=options["skip_static"])
        except OSError as error:
            raise CommandError(f"{settings.VAR} cannot be prepared: {error}") from error
        except OperationalError as error:
            raise CommandError(f"The database cannot be prepared: {error}") from error
        finally:
            os.umask(others)
        self.stdout.write(f"certdash {settings.VERSION}: database and files are ready in {settings.VAR}")

    def _prepare(self, *, skip_static: bool) -> None:
        settings.VAR.mkdir(parents=True, exist_ok=True)
        _close(Path(settings.EMAIL_FILE_PATH))
        if health.migrations():
            call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        if not skip_static:
            static.collect()
        call_command("schedule_ticks", verbosity=0)


def _close(folder: Path) -> None:
    """Close a folder to everybody else: mails that were not sent hold links that open accounts."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
