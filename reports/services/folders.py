"""Where documents are laid out: folders in the state directory, which outlive only a worker that was killed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

PREFIX = "certdash-report-"
# Laying out takes ten minutes at most.
LEFT_AFTER = 3600


@contextmanager
def workplace() -> Iterator[str]:
    """A folder for one document, in which nobody else may read; what killed workers left here goes first."""
    remove_left()
    place = _place()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=PREFIX, dir=place) as folder:
        yield folder


def remove_left() -> None:
    """Remove the folders of workers that were killed. Safe to call at any time."""
    for folder in _place().glob(f"{PREFIX}*"):
        if _age(folder) > LEFT_AFTER:
            shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    return Path(settings.VAR) / "tmp"


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        # Another worker removed it.
        return 0
