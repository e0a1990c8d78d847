"""Static files, collected, named by their content and compressed: once for each state of the files."""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect() -> None:
    """Collect what changed since the last time: compressing takes longer than the rest of a start together.

    Files of earlier states stay, because a page that is open somewhere still asks for them.
    """
    folder = Path(settings.STATIC_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".collected").open("a+", encoding="ascii") as stamp:
        fcntl.flock(stamp, fcntl.LOCK_EX)
        stamp.seek(0)
        state = state_of_files()
        if stamp.read() == state:
            return
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.truncate(0)
        stamp.write(state)


def state_of_files() -> str:
    """A digest of path, size and time of every static file of the project and of its packages."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
