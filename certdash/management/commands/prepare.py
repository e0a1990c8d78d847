"""Make the database, the cache table, the static files and the schedule ready for this version of the code."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management import call_command
from django.core.management.base import BaseCommand

from certdash.management import static


class Command(BaseCommand):
    # What is optional is told by `manage.py check` and `manage.py doctor`, not at every start.
    requires_system_checks = [Tags.security, Tags.urls, Tags.files]
    help = "Prepare var/ and the database for serving; safe to run again, and quick when nothing changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--skip-static", action="store_true", help="leave the static files as they are")

    def handle(self, **options: Any) -> None:
        os.umask(0o077)
        settings.VAR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        if not options["skip_static"]:
            static.collect()
        call_command("schedule_ticks", verbosity=0)
        self.stdout.write(f"certdash {settings.VERSION}: database and files are ready in {settings.VAR}")
