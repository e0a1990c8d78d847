"""Typed reading of the environment: every setting of certdash comes through here.

Each function also reads ``NAME_FILE`` (the path of a file that holds the value), so that secrets need not stand in
the environment. A file that is named but cannot be read stops the start: a silently empty secret would be worse.

``load`` reads a file of settings first, so that every command sees the same ones; the environment wins over it.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


class SettingError(Exception):
    """A setting cannot be used; the message names it and says what to write instead."""


def load(path: Path) -> None:
    """Read ``NAME=value`` lines, as systemd and Docker read them, for what the environment does not say itself.

    ``CERTDASH_ENV_FILE`` names another file than ``path``; empty, it names none. Without the file nothing happens,
    unless it was named.
    """
    named = os.environ.get("CERTDASH_ENV_FILE")
    if named == "":
        return
    file = Path(named) if named else path
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        if named:
            raise SettingError(f"CERTDASH_ENV_FILE names {named}, which does not exist.") from None
        return
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file}, a file of settings, cannot be read: {error}") from error
    for number_, line in enumerate(lines, 1):
        _load_line(line.strip(), f"{file}, line {number_}")


def _load_line(line: str, where: str) -> None:
    if not line or line.startswith("#"):
        return
    name, separator, value = line.removeprefix("export ").partition("=")
    if not separator or not name.strip().isidentifier():
        raise SettingError(f"{where} is not NAME=value.")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    os.environ.setdefault(name.strip(), value)


def text(name: str, default: str = "") -> str:
    path = os.environ.get(f"{name}_FILE")
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{name}_FILE names {path}, which cannot be read: {error}") from error
    return os.environ.get(name, default)


def flag(name: str, *, default: bool) -> bool:
    value = text(name, str(default)).strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise SettingError(f"{name} is {value!r}; write true or false.")


def number(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    try:
        result = int(value)
    except ValueError as error:
        raise SettingError(f"{name} is {value!r}; write a whole number.") from error
    if result < least:
        raise SettingError(f"{name} is {result}; the least allowed is {least}.")
    return result


def choice(name: str, default: str, among: Sequence[str]) -> str:
    value = text(name, default).upper()
    if value not in among:
        raise SettingError(f"{name} is {value!r}; write one of {', '.join(among)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, default: str) -> str:
    value = text(name, default)
    _address(name, value)
    return value


def _address(name: str, value: str) -> tuple[SplitResult, int | None]:
    """Split an address. Nothing of one that cannot be split is repeated: it may hold a password."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        hint = "Special characters of a password are written as %40 for @ and %2F for /."
        raise SettingError(f"{name} cannot be read as an address with host and port. {hint}") from error
    return parts, port


def is_loopback(host: str) -> bool:
    """Whether only this machine can listen in."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def database(name: str, default: str) -> dict[str, Any]:
    """Read ``sqlite:///path`` or ``postgres://user:password@host:port/name``."""
    parts, port = _address(name, text(name, default))
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path[1:])))
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise SettingError(f"{name} must begin with sqlite:/// or postgres://.")


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    # 64 MiB at most, taken as they are needed: new rows go to all ends of the indexes by digest. With SQLite's own
    # 2 MiB, most of their pages are read again for each row.
    "cache_size=-65536",
    # 32 MiB: pages that each batch changes go from the log into the file once for some batches, not after each.
    "wal_autocheckpoint=8192",
)


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "init_command": "; ".join(f"PRAGMA {pragma}" for pragma in _PRAGMAS),
            # A transaction that begins by reading and then writes would fail with "database is locked"
            # as soon as another one wrote in between; taking the write lock first waits instead.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
        # In memory, the threads of a live server and of a test would lock each other out.
        "TEST": {"NAME": path.with_name("test.sqlite3")},
    }


def kept_secret(name: str, path: Path) -> str:
    """Return the secret from the environment, or the one kept in ``path``, made at the first start."""
    value = text(name)
    if value:
        return value
    try:
        if not path.exists():
            _make_secret(path)
        kept = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}, which keeps {name}, cannot be made or read: {error}") from error
    if not kept.strip():
        raise SettingError(f"{path}, which keeps {name}, is empty; remove it to have a new one made.")
    return kept


def _make_secret(path: Path) -> None:
    """Make the file whole or not at all, for its owner alone; one that another process made meanwhile stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="ascii", dir=path.parent, prefix=f".{path.name}-") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
