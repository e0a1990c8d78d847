"""The first run: its chain of pages, and the same without a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from accounts.models import Organisation, Role, User
from accounts.services.audit import audit
from accounts.services.people import keep_email_address


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One page of the first run as its indicator shows it; ``state`` is done, current or ahead."""

    number: int
    label: str
    url: str
    state: str


def setup_steps(current: str) -> list[SetupStep]:
    """Return the chain of first-run pages as seen from the page with the url name ``current``."""
    pages = _pages()
    here = [name for name, _label, _url in pages].index(current)
    states = ["done" if at < here else "current" if at == here else "ahead" for at in range(len(pages))]
    return [SetupStep(at + 1, _(page[1]), page[2], states[at]) for at, page in enumerate(pages)]


def next_setup_url(current: str) -> str:
    """Return the address of the page after ``current``; after the last one, the overview."""
    following = [step.url for step in setup_steps(current) if step.state == "ahead"]
    return following[0] if following else "/"


def is_set_up() -> bool:
    return User.objects.exists()


def is_unfinished() -> bool:
    """Whether the first run stopped after its first account: nobody has said yet whose installation it is."""
    return not Organisation.objects.filter(pk=1, set_up_at__isnull=False).exists()


@transaction.atomic
def change_organisation(actor: User | None, changes: dict[str, Any], now: datetime) -> Organisation:
    """Write name, time zone or address of the organisation; the first time marks the installation as set up."""
    row, _created = Organisation.objects.select_for_update().get_or_create(pk=1)
    before = {name: getattr(row, name) for name in changes}
    different = {name: value for name, value in changes.items() if before[name] != value}
    if different or row.set_up_at is None:
        Organisation.objects.filter(pk=1).update(**different, set_up_at=row.set_up_at or now)
        row.refresh_from_db()
        audit(actor, "organisation.changed", row, {name: before[name] for name in different}, different, now=now)
    return row


@transaction.atomic
def ensure_administrator(email: str, name: str, password: str, now: datetime) -> tuple[User, list[str]]:
    """Make sure that this person administers; return them and sentences on what was done. Empty values change nothing.

    For somebody who has the server's command line: they decide who administers, also after a lost password.
    """
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    created = user is None
    user = user or User(email=email.lower(), date_joined=now)
    before = {field: getattr(user, field) for field in ("name", "role", "is_active", "ends_at")}
    user.role, user.is_active, user.ends_at = Role.ADMINISTRATOR, True, None
    user.name = name or user.name
    password_changed = bool(password) and not user.check_password(password)
    if password_changed or created:
        user.set_password(password or None)
    after = {field: getattr(user, field) for field in before}
    done = _sentences(email, created=created, changed=before != after, password=password_changed)
    if done:
        user.save()
        keep_email_address(user)
        audit(None, "setup.administrator_ensured", user, {} if created else before, after, now=now)
    return user, done


def _sentences(email: str, *, created: bool, changed: bool, password: bool) -> list[str]:
    if created:
        return [f"Administrator {email} created."]
    changes = [f"Account {email} is an administrator now, active and without an end."] if changed else []
    return [*changes, f"Password of {email} set."] if password else changes


def _pages() -> list[tuple[str, str, str]]:
    """Return (url name, label, address) of the pages that exist."""
    pages = []
    for name, label in settings.SETUP_STEPS:
        try:
            pages.append((name, label, reverse(name)))
        except NoReverseMatch:
            continue
    return pages
