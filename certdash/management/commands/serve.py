"""Run the web server and the worker in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import errno
import socket
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from certdash.management import serving, signs
from certdash.management.supervisor import Child, SuperviseError, Supervisor, manage

WEB, WORKER = "web server", "worker"
# What a request may bring before the application sees any of it.
LIMITS = ["--limit-request-line=8190", "--limit-request-fields=60", "--limit-request-field_size=16380"]
ACCESS = '%(h)s %({x-request-id}o)s "%({certdash_request_line}e)s" %(s)s %(b)s %(M)sms'


class Command(BaseCommand):
    help = "Run the web server and the worker in the foreground."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", choices=["web", "worker"], help="run one of the two (for several machines)")
        parser.add_argument("--prepare", action="store_true", help="run `manage.py prepare` first, in this process")

    def handle(self, **options: Any) -> None:
        children = [make() for name, make in (("web", web), ("worker", worker)) if options["only"] in {None, name}]
        supervisor = Supervisor(settings.VAR / "run", children, self._say)
        serves_pages = any(child.name == WEB for child in children)
        try:
            supervisor.take_over()
            if options["prepare"]:
                # Only now: of two, the second must not change the database under the one that runs or prepares.
                call_command("prepare", skip_checks=False, stdout=self.stdout)
            if serves_pages:
                check_free(settings.BIND)
            connection.close()
            with ExitStack() as kept:
                if serves_pages:
                    kept.enter_context(serving.kept_address(settings.VAR / "run", settings.BASE_URL))
                for child in children:
                    if child.name == WORKER:
                        kept.enter_context(signs.kept(child, timezone.now))
                supervisor.run(self._greeting() if serves_pages else lambda: None)
        except SuperviseError as error:
            raise CommandError(str(error)) from error
        self._say("Ended.")

    def _say(self, sentence: str) -> None:
        self.stdout.write(f"certdash: {sentence}")
        self.stdout.flush()

    def _greeting(self) -> Callable[[], None]:
        """Tell once, as soon as pages are answered, where they are."""
        told = False

        def greet() -> None:
            nonlocal told
            if told or not answers(settings.BIND):
                return
            told = True
            self._say(f"The dashboard is at {settings.BASE_URL}/ (Ctrl-C ends it).")
            if not get_user_model().objects.exists():
                call_command("setup", link=True, stdout=self.stdout)
            connection.close()

        return greet


def web() -> Child:
    command = [sys.executable, "-m", "gunicorn", "certdash.wsgi:application"]
    command += [f"--bind={settings.BIND}", "--worker-class=gthread", "--preload", "--no-control-socket"]
    command += [f"--workers={settings.WEB_WORKERS}", f"--threads={settings.WEB_THREADS}"]
    command += ["--timeout=60", "--graceful-timeout=10", "--keep-alive=5", "--log-level=warning", *LIMITS]
    if settings.TRUSTED_PROXIES:
        command += ["--forwarded-allow-ips=*"]
    if settings.ACCESS_LOG:
        command += ["--access-logfile=-", f"--access-logformat={ACCESS}"]
    return Child(WEB, command, patience=15)


def worker() -> Child:
    return Child(WORKER, manage("qcluster", "--skip-checks"), patience=settings.STOP_SECONDS)


def check_free(bind: str) -> None:
    """Say in a sentence what gunicorn would say in a traceback."""
    address = tcp_address(bind)
    if address is None:
        return
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise SuperviseError(_why_not(bind, error)) from error


def _why_not(bind: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{bind} is taken by another program. CERTDASH_BIND=127.0.0.1:8001 would use another port."
    if error.errno == errno.EACCES:
        return f"{bind}: this user may not listen on that port. Choose one from 1024 up by CERTDASH_BIND."
    return f"{bind}, from CERTDASH_BIND, cannot be listened on: {error.strerror or error}."


def tcp_address(bind: str) -> tuple[str, int] | None:
    """Split ``host:port`` or ``[host]:port``; None for a Unix socket."""
    if bind.startswith("unix:"):
        return None
    host, separator, port = bind.rpartition(":")
    if not separator or not port.isdigit():
        raise SuperviseError(f"CERTDASH_BIND is {bind!r}; write an address and a port, such as 127.0.0.1:8000.")
    return host.strip("[]") or "127.0.0.1", int(port)


def answers(bind: str) -> bool:
    """True when /healthz is answered, whatever the host check says about the name that was used."""
    address = tcp_address(bind)
    if address is None:
        return True
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104 - compared, not bound
    host = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{host}:{address[1]}/healthz", timeout=1):
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except OSError:
        return False
