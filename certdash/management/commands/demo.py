"""A separate instance that shows what certdash does: the lab, a real scan of it, and the dashboard."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from certdash.management.commands import serve
from certdash.management.supervisor import Child, SuperviseError, Supervisor, manage

EMAIL = "demo@example.org"


class Command(BaseCommand):
    help = "Serve a demonstration from CERTDASH_VAR: lab, scan, dashboard. `make demo` starts it in var/demo."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        if settings.VAR == settings.BASE_DIR / "var":
            raise CommandError("This would mix the lab into your own inventory. Start it by `make demo`.")
        self.manifest = settings.VAR / "lab.jsonl"
        self.root = self.manifest.with_name(f"{self.manifest.name}.root.pem")
        # What the lab of an earlier start wrote would be taken for the word that this one is ready.
        for earlier in (self.manifest, self.root):
            earlier.unlink(missing_ok=True)
        password = kept_password(settings.VAR / "password")
        call_command(
            "setup",
            admin_email=EMAIL,
            admin_password_file=password,
            organisation="certdash demo",
            base_url=settings.BASE_URL,
            noinput=True,
            stdout=self.stdout,
        )
        lab = Child("lab", manage("lab", "--manifest", str(self.manifest)), patience=5)
        supervisor = Supervisor(settings.VAR / "run", [lab, serve.web(), serve.worker()], self._say)
        try:
            supervisor.take_over()
            serve.check_free(settings.BIND)
            connection.close()
            supervisor.run(self._scan_once(password))
        except SuperviseError as error:
            raise CommandError(str(error)) from error
        self._say("Ended.")

    def _say(self, sentence: str) -> None:
        self.stdout.write(f"certdash: {sentence}")
        self.stdout.flush()

    def _scan_once(self, password: Path) -> Callable[[], None]:
        """As soon as both the lab and the dashboard answer, scan every place of the lab."""
        begun = False

        def scan() -> None:
            nonlocal begun
            if begun or not self.root.exists() or not serve.answers(settings.BIND):
                return
            begun = True
            call_command("trust", "lab", self.root, stdout=io.StringIO())
            call_command("scan", places=str(self.manifest), allow=True, stdout=io.StringIO())
            connection.close()
            self._say("The lab is being scanned; its certificates appear within a minute.")
            self._say(f"The demonstration is at {settings.BASE_URL}/ (Ctrl-C ends it).")
            self._say(f"Sign in as {EMAIL} with {password.read_text(encoding='ascii').strip()}")

        return scan


def kept_password(path: Path) -> Path:
    """A password that nobody guesses: other users of the machine can reach the port. Kept for the next start."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"{secrets.token_urlsafe(12)}\n", encoding="ascii")
    return path
