"""Files that somebody names at the command line: whether they can be written is known before the work begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError


def require_writable(path: Path) -> None:
    """Refuse now what could not be written after the work. What stands in the file stays as it is.

    Opening it tells what permissions alone do not: a folder, a file system for reading only, a name that is too long.
    """
    try:
        existed = path.exists()
        # To open a pipe would wait for its reader.
        if existed and not (path.is_file() or path.is_dir()):
            return
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        instead = "Nothing was done. Name a file in a folder that exists and that you may write to."
        raise CommandError(f"{path} cannot be written: {_reason(error)}. {instead}") from error


@contextmanager
def writing(path: Path, kept: str) -> Iterator[None]:
    """Say in a sentence why the file could not be written after all, and what is left of the work."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path} could not be written: {_reason(error)}. {kept}") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
