"""Where uploads lie until a worker has read them: files that only this user may read, removed as soon as possible."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from inventory.models import Import

MOST_BYTES = 128 * 2**20
PIECE = 2**20
# A file of no import: its request was ended between writing it and writing the row.
LEFT_AFTER_SECONDS = 3600


class TooLargeError(ValueError):
    """More bytes than an import may have."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One upload on the disk, under a name that says nothing."""

    upload: str
    size: int
    sha256: str


def spool(stream: IO[bytes], ending: str = "") -> Spooled:
    """Copy an upload, piece by piece. Raises TooLargeError, and then leaves nothing."""
    upload = secrets.token_hex(16) + ending
    path = path_of(upload)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while size <= MOST_BYTES and (piece := stream.read(PIECE)):
                size += len(piece)
                digest.update(piece)
                file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if size > MOST_BYTES:
        path.unlink()
        raise TooLargeError(f"More than {MOST_BYTES // 2**20} MiB: divide it, or import it as files.")
    return Spooled(upload, size, digest.hexdigest())


def path_of(upload: str) -> Path:
    return Path(settings.VAR) / "imports" / Path(upload).name


def remove(upload: str) -> None:
    if upload:
        path_of(upload).unlink(missing_ok=True)


def remove_left() -> int:
    """Remove files that no import names any more. Safe to call at any time."""
    folder = Path(settings.VAR) / "imports"
    old = [path for path in folder.glob("*") if _age(path) > LEFT_AFTER_SECONDS]
    named = set(Import.objects.exclude(upload="").values_list("upload", flat=True)) if old else set()
    left = [path for path in old if path.name not in named]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0
