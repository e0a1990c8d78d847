"""What is wrong with the settings, found before anything is served. `docs/configuration.md` lists the ids."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError, connection

from certdash.env import is_loopback

Configs = Sequence[AppConfig] | None
MANY_WRITERS = 8


@register(Tags.files)
def state_folder(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    """``CERTDASH_VAR`` holds the database and keys: certdash must be able to write there, and nobody else to read."""
    folder = Path(settings.VAR)
    parent = folder
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK | os.X_OK):
        hint = f"Give {folder} to the user that runs certdash, or name another folder by CERTDASH_VAR."
        return [Error(f"{folder} cannot be written.", hint=hint, id="certdash.E001")]
    if folder.exists() and folder.stat().st_mode & 0o007:
        hint = f"chmod o-rwx {folder}"
        return [Warning(f"Every user of this machine can read {folder}.", hint=hint, id="certdash.W001")]
    return []


@register(Tags.security)
def base_url(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    """Links in mails, passkeys and cookies depend on the address that people use."""
    parts = urlsplit(settings.BASE_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        hint = "Write scheme and host alone, such as https://certdash.example.org."
        return [Error(f"CERTDASH_BASE_URL is {settings.BASE_URL!r}.", hint=hint, id="certdash.E002")]
    return []


@register(Tags.database)
def addresses(app_configs: Configs, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The address of the organisation begins the links in mails; ours decides about hosts, cookies and passkeys."""
    if not databases:
        return []
    ours = kwargs.get("ours") or settings.BASE_URL
    try:
        organisation = apps.get_model("accounts", "Organisation").objects.filter(pk=1).first()
    except DatabaseError:  # no migration has run yet, so there is no second address either
        return []
    linked = organisation.base_url if organisation else ""
    if not linked or _origin(linked) == _origin(ours):
        return []
    hint = "Links in mails begin with the first. Write the one that people use into both, or leave the first empty."
    text = f"The organisation's address is {linked}, CERTDASH_BASE_URL is {ours}."
    return [Warning(text, hint=hint, id="certdash.W005")]


@register(Tags.security)
def transport(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    """Passwords must not travel in clear, and a proxy that ends TLS must be known."""
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        hint = "certdash itself speaks HTTP. Set CERTDASH_TRUSTED_PROXIES=1 when one proxy in front of it ends TLS."
        return [Warning("The address is https, but no proxy is trusted.", hint=hint, id="certdash.W002")]
    if not settings.HTTPS and not _is_local(settings.BIND):
        hint = "Put a proxy that ends TLS in front and set CERTDASH_BASE_URL=https://… (docs/install.md)."
        return [Warning(f"Passwords travel in clear to {settings.BIND}.", hint=hint, id="certdash.W003")]
    return []


@register(Tags.security)
def secret_key(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    """The secret key signs sessions and reset links: who guesses it is anybody."""
    key = settings.SECRET_KEY
    if len(key) >= 50 and len(set(key)) >= 10:
        return []
    hint = "Leave CERTDASH_SECRET_KEY out (one is made and kept in var/), or set 50 random characters."
    return [Error("The secret key can be guessed.", hint=hint, id="certdash.E003")]


@register(Tags.database)
def database_size(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    """SQLite lets one process write at a time; more workers than that only wait for each other."""
    if connection.vendor != "sqlite" or settings.WORKERS <= MANY_WRITERS:
        return []
    hint = f"Use PostgreSQL (CERTDASH_DATABASE_URL), or at most {MANY_WRITERS} workers."
    return [Warning(f"{settings.WORKERS} workers share one SQLite file.", hint=hint, id="certdash.W004")]


# What is optional is told by `manage.py check --deploy` and `manage.py doctor`, not before the answer of every command.


@register(Tags.compatibility, deploy=True)
def optional_programs(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    if shutil.which("nmap"):
        return []
    hint = "apt install nmap, if you want it as a second engine."
    return [Info("nmap is not installed; scans use certdash's own engine.", hint=hint, id="certdash.I001")]


@register(Tags.compatibility, deploy=True)
def mail(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_HOST:
        return []
    hint = "Set CERTDASH_EMAIL_HOST, or nobody gets an invitation or an alert by mail."
    return [Info(f"Mail is written to {settings.EMAIL_FILE_PATH}, not sent.", hint=hint, id="certdash.I002")]


@register(Tags.security, deploy=True)
def local_address(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:
    """Said instead of Django's warnings about HSTS, redirection and cookies, which ask for TLS where there is none."""
    if not settings.IS_LOCAL:
        return []
    hint = "Before others use it: CERTDASH_BASE_URL=https://… and a proxy that ends TLS (docs/install.md)."
    return [Info(f"Without TLS, {settings.BASE_URL} is for this machine alone.", hint=hint, id="certdash.I003")]


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address. The names of this machine are one."""
    parts = urlsplit(url)
    host = "localhost" if _is_local(f"{parts.hostname}:") else parts.hostname or ""
    return parts.scheme, host, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _is_local(bind: str) -> bool:
    """True for loopback and for a Unix socket: nobody else can listen in."""
    return bind.startswith("unix:") or is_loopback(bind.rpartition(":")[0].strip("[]"))
