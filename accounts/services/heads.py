r"""The copy of the chain's end outside the database: without it a cut tail could not be seen.

One JSON line per step in ``settings.AUDIT_HEADS``: ``{"intended": number, "digest": …}`` before the commit, which also
proves that the file can be written, and ``{"number": …, "digest": …, "at": …}`` after it. Several processes append at
once, so lines may stand out of order. A rolled back transaction leaves only its intention.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

_RECORD = re.compile(r"\{[^{}]*\}")
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


@dataclass(slots=True)
class Outside:
    """What is known of the chain outside the database.

    ``kept``: digest of each event whose commit was seen. ``intended``: digests written just before a commit whose end
    is not known. ``complete``: these come from files that hold every event up to their last line, so that an event
    they do not know was not written by us. ``conflicts``: numbers kept with two digests.
    """

    kept: dict[int, str] = field(default_factory=dict)
    intended: dict[int, set[str]] = field(default_factory=dict)
    complete: bool = False
    conflicts: list[int] = field(default_factory=list)

    @property
    def last(self) -> int:
        return max(self.kept, default=0)

    def add_kept(self, number: int, digest: str) -> None:
        if self.kept.setdefault(number, digest) != digest:
            self.conflicts.append(number)
        self.intended.pop(number, None)

    def add_intended(self, number: int, digest: str) -> None:
        if number not in self.kept:
            self.intended.setdefault(number, set()).add(digest)


def intend(number: int, digest: str) -> None:
    """Write that this event is about to be committed. Raises OSError if it cannot be written: refuse the change."""
    _append({"intended": number, "digest": digest}, sync=False)


def keep(number: int, digest: str, at: datetime) -> None:
    """Write that this event was committed. The change has happened by now, so failing is loud but not an error."""
    try:
        _append({"number": number, "digest": digest, "at": at.isoformat()}, sync=True)
    except OSError:
        logger.critical("Audit event %s was committed, but its digest could not be copied outside", number)


def read(sources: Iterable[str]) -> Outside:
    """Read files written by ``keep``, and heads given as ``NUMBER:DIGEST`` (as a PDF prints them).

    Raises OSError for a file that cannot be read, ValueError for what is neither.
    """
    outside = Outside()
    for source in sources:
        if match := _HEAD.fullmatch(source.strip()):
            outside.add_kept(int(match[1]), match[2])
        else:
            _read_file(outside, Path(source))
            outside.complete = True
    return outside


def read_tail(path: Path, length: int = 65_536) -> Outside:
    """Read the last lines of a file of heads: enough for the newest events, however long the file has become."""
    outside = Outside(complete=True)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - length))
        text = file.read().decode("utf-8", "replace")
    for record in _records(text):
        _add(outside, record)
    return outside


def _read_file(outside: Outside, path: Path) -> None:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            for record in _records(line):
                _add(outside, record)


def _add(outside: Outside, record: dict[str, Any]) -> None:
    match record:
        case {"number": int(number), "digest": str(digest)}:
            outside.add_kept(number, digest)
        case {"intended": int(number), "digest": str(digest)}:
            outside.add_intended(number, digest)
        case _:
            raise ValueError(f"This is no head: {record}")


def _records(text: str) -> Iterator[dict[str, Any]]:
    """Yield the whole records, also after one that a full disk cut off."""
    for match in _RECORD.finditer(text):
        yield json.loads(match.group())


def _append(record: dict[str, object], *, sync: bool) -> None:
    path = Path(settings.AUDIT_HEADS)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = json.dumps(record).encode("ascii") + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # One write of less than a page: lines of several processes do not mix.
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
