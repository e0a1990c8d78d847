r"""The copy of the chain's end outside the database: without it a cut tail could not be seen.

One JSON line per step in ``settings.AUDIT_HEADS``: ``{"intended": number, "digest": …}`` before the commit, which also
proves that the file can be written, and ``{"number": …, "digest": …, "at": …}`` after it. Several processes append at
once: intentions stand in order (they are written under the chain's lock), commits may not. A rolled back transaction
leaves only its intention.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

TAIL = 65_536
_RECORD = re.compile(r"\{[^{}]*\}")
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


@dataclass(slots=True)
class Outside:
    """What is known of the chain outside the database.

    ``kept``: digest of each event whose commit was seen. ``intended``: digests written just before a commit whose end
    is not known. ``since``: the files hold every event from this number on, so that one they do not know was not
    written by us, or was taken out of them; None without a file. ``conflicts``: numbers kept with two digests.
    ``damage``: what is wrong with the copy itself, in sentences.
    """

    kept: dict[int, str] = field(default_factory=dict)
    intended: dict[int, set[str]] = field(default_factory=dict)
    since: int | None = None
    conflicts: list[int] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    @property
    def last(self) -> int:
        return max(self.kept, default=0)

    def misses(self, number: int, digest: str) -> bool:
        """Tell whether this event should be known and is not."""
        if self.since is None or number < self.since or number in self.kept:
            return False
        return digest not in self.intended.get(number, ())

    def add_kept(self, number: int, digest: str) -> None:
        if self.kept.setdefault(number, digest) != digest:
            self.conflicts.append(number)
        self.intended.pop(number, None)

    def add_intended(self, number: int, digest: str) -> None:
        if number not in self.kept:
            self.intended.setdefault(number, set()).add(digest)


def intend(number: int, digest: str) -> None:
    """Write that this event is about to be committed. Raises OSError if it cannot be written: refuse the change."""
    _append({"intended": number, "digest": digest})


def keep(number: int, digest: str, at: datetime) -> None:
    """Write that this event was committed. The change has happened by now, so failing is loud but not an error."""
    try:
        _append({"number": number, "digest": digest, "at": at.isoformat()})
    except OSError:
        logger.critical("Audit event %s was committed, but its digest could not be copied outside", number)


def read(sources: Iterable[str]) -> Outside:
    """Read files written by ``keep``, and heads given as ``NUMBER:DIGEST`` (as a PDF prints them).

    Raises OSError for a file that cannot be read. What stands in a file and is no head is ``damage``.
    """
    outside = Outside()
    for source in sources:
        if match := _HEAD.fullmatch(source.strip()):
            outside.add_kept(int(match[1]), match[2])
        else:
            with Path(source).open(encoding="utf-8", errors="replace") as file:
                _read_lines(outside, file)
            outside.since = 1
    return outside


def read_own(*, tail: bool = False) -> Outside:
    """Read the copy of this installation; its last lines are enough for the newest events, however long it has become.

    A copy that is missing, or cannot be read, is no error here.
    """
    path = Path(settings.AUDIT_HEADS)
    try:
        return _read_tail(path) if tail else read([str(path)])
    except FileNotFoundError:
        return Outside()
    except OSError as error:
        return Outside(damage=[f"the copy outside the database cannot be read: {error.strerror or error}"])


def _read_tail(path: Path) -> Outside:
    outside = Outside()
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - TAIL)
        file.seek(start)
        first = _read_lines(outside, file.read().decode("utf-8", "replace").splitlines())
    outside.since = first if start else 1
    return outside


def _read_lines(outside: Outside, lines: Iterable[str]) -> int | None:
    """Add the whole records, also after one that a full disk cut off. Returns the number of the first intention."""
    first, damaged = None, ""
    for text in (match.group() for line in lines for match in _RECORD.finditer(line)):
        match _parsed(text):
            case {"number": int(number), "digest": str(digest)}:
                outside.add_kept(number, digest)
            case {"intended": int(number), "digest": str(digest)}:
                outside.add_intended(number, digest)
                first = number if first is None else first
            case _:
                damaged = damaged or text
    if damaged:
        outside.damage.append(f"the copy outside the database is damaged, this is no head: {damaged[:100]!a}")
    return first


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _append(record: dict[str, object]) -> None:
    path = Path(settings.AUDIT_HEADS)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = json.dumps(record).encode("ascii") + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # One write of less than a page: lines of several processes do not mix.
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        # On the disk before what follows: an event that survives a power cut without its line would count as inserted.
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
