"""Set the installation up: by a one-time link for a browser, or here and now without one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import datetime
from getpass import getpass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db.utils import OperationalError
from django.urls import reverse
from django.utils import timezone

from accounts.forms import OrganisationForm
from accounts.models import Organisation, User
from accounts.services import (
    AuditRefusedError,
    absolute,
    change_organisation,
    ensure_administrator,
    is_set_up,
    issue_invitation_link,
    issue_setup_link,
    on_command_line,
)
from certdash.lib.forms import one_line
from certdash.management import serving
from discovery.addresses import AddressError, parse_network
from discovery.services import ScanRefusedError, allow, house_team, look_daily

ORIGIN = "manage.py setup"


class Command(BaseCommand):
    help = (
        "Without --admin-email: print a one-time link to /setup/. With it: make the administrator, the organisation "
        "and the networks that may be scanned. Can be run again: it changes only what differs, and says what it did."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--link", action="store_true", help="print a one-time link to the first-run pages")
        parser.add_argument("--admin-email", help="who administers; also brings back a lost administrator")
        parser.add_argument("--admin-password-file", type=Path, metavar="FILE", help="its first line is the password")
        parser.add_argument("--name", default="", help="the administrator's name")
        parser.add_argument("--organisation", help="the organisation's name")
        parser.add_argument("--timezone", help="such as Europe/Zurich")
        parser.add_argument("--base-url", help="how people reach the dashboard, such as https://certdash.example.org")
        parser.add_argument("--network", action="append", default=[], metavar="CIDR", help="may be scanned; repeatable")
        parser.add_argument("--noinput", action="store_true", help="never ask; without a password file, print a link")

    @on_command_line()
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._set_up(options, timezone.now())
        except (AuditRefusedError, OperationalError) as error:
            raise CommandError(f"The rest was not set up: {error}") from error

    def _set_up(self, options: dict[str, Any], now: datetime) -> None:
        if not options["admin_email"]:
            self._print_link(now)
            return
        organisation = _organisation_changes(options)
        password = self._password(options)
        user = self._administrator(options, password, now)
        if change := self._organisation(organisation, now):
            self.stdout.write(f"Organisation set: {change}.")
        for cidr in options["network"]:
            self._network(cidr, now)
        self.stdout.write(self._next(user, now))

    def _print_link(self, now: datetime) -> None:
        if is_set_up():
            self.stdout.write(f"certdash is set up; sign in at {absolute(reverse('account_login'), _served_at())}")
        else:
            link = issue_setup_link(now, _served_at())
            self.stdout.write(f"Set certdash up here (the link works once, for a day): {link}")
        self._warn_of_address()

    def _warn_of_address(self) -> None:
        """The shell of this command may have other settings than the one that starts certdash."""
        if not _served_at() and not Organisation.objects.exclude(base_url="").exists():
            self.stdout.write(
                f"certdash does not run from {settings.VAR} now: {settings.BASE_URL} is what CERTDASH_BASE_URL or "
                "CERTDASH_BIND say here. If it is started with others, ask for the link again then."
            )

    def _password(self, options: dict[str, Any]) -> str:
        """Return the password from the file or the terminal; empty if the person will choose one by a link."""
        email: str = options["admin_email"]
        try:
            one_line(options["name"])
            one_line(email)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email!r} is no e-mail address.") from error
        password = _from_file(options["admin_password_file"])
        if not password and not options["noinput"] and sys.stdin.isatty():
            password = getpass(f"Password for {email} (empty: print a link instead): ")
        if password:
            _check_password(password, User(email=email, name=options["name"]))
        return password

    def _administrator(self, options: dict[str, Any], password: str, now: datetime) -> User:
        user, done = ensure_administrator(options["admin_email"], options["name"], password, now)
        for sentence in done or [f"{user.email} administers already; nothing to change."]:
            self.stdout.write(sentence)
        return user

    def _organisation(self, changes: dict[str, str], now: datetime) -> str:
        before = Organisation.objects.filter(pk=1).values(*changes).first() if changes else None
        change_organisation(None, changes, now)
        different = {name: value for name, value in changes.items() if (before or {}).get(name) != value}
        return ", ".join(f"{name} {value}" for name, value in different.items())

    def _network(self, cidr: str, now: datetime) -> None:
        try:
            span = parse_network(cidr)
            owner = house_team(actor=None, now=now, origin=ORIGIN)
            allow([span], origin=ORIGIN, now=now, owner=owner)
        except AddressError as error:
            raise CommandError(f"{cidr!r} {error}.") from error
        self.stdout.write(f"Network {cidr} may be scanned: {span.how_many} addresses, of team {owner}.")
        try:
            source = look_daily(cidr, origin=ORIGIN, now=now, owner=owner)
        except ScanRefusedError as error:
            self.stdout.write(f"Nothing scans {cidr} by itself yet: {error} Add sources for parts of it.")
        else:
            if source:
                self.stdout.write(
                    f"“{source.name}” looks at {cidr} every day, for the first time as soon as a worker runs."
                )

    def _next(self, user: User, now: datetime) -> str:
        if user.has_usable_password():
            return f"Sign in as {user.email} at {absolute(reverse('account_login'), _served_at())}"
        link = issue_invitation_link(user, now, _served_at())
        return f"{user.email} chooses a password here (the link works once, for a day): {link}"


def _served_at() -> str:
    return serving.address_of_running(settings.VAR / "run")


def _from_file(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The password file cannot be read: {error}") from error
    if not lines or not lines[0]:
        raise CommandError(f"The first line of {path} is empty; write the password there.")
    return lines[0]


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error


def _organisation_changes(options: dict[str, Any]) -> dict[str, str]:
    """Return what was said about the organisation, checked as the first-run page would."""
    given = {"name": options["organisation"], "timezone": options["timezone"], "base_url": options["base_url"]}
    changes = {name: value for name, value in given.items() if value is not None}
    form = OrganisationForm({"name": "any", "timezone": "UTC", "base_url": "", **changes})
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise CommandError(f"{name} {changes.get(name)!r}: {' '.join(map(str, errors))}")
    return {name: form.cleaned_data[name] for name in changes}
