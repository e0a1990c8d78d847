"""Look at everything an installation needs and tell, in words, what is good, bad or not judged."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from certdash.management.examinations import EXAMINATIONS, State


class Command(BaseCommand):
    help = "Examine this installation. Exits 1 when something is bad."
    requires_system_checks: list[str] = []  # it runs them itself and goes on

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON list of name, state, text")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        answers = [examine(now) for examine in EXAMINATIONS]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(answer) for answer in answers], indent=2))
        else:
            for answer in answers:
                self.stdout.write(f"{answer.state:<11} {answer.name:<15} {answer.text}")
        bad = [answer.name for answer in answers if answer.state is State.BAD]
        if bad:
            raise CommandError(f"bad: {', '.join(bad)}")
