"""A long text that is handed on while it is still being written, each side at its own pace.

The writer has a thread and a database connection of its own: a reader who takes hours holds back no moment of the
database and costs no memory, and the first piece comes at once, before a proxy gives up.
"""

from __future__ import annotations

import codecs
import os
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile
from typing import BinaryIO

from django.db import connections

PIECE = 64 * 1024  # bytes
# What was written is handed on when it fills a piece, or after this many seconds.
PATIENCE = 0.5
THREAD = "writer-of-a-spool"


def spooled(pieces: Generator[str], *, meanwhile: bool) -> Generator[str]:
    """What ``pieces`` yields, in other pieces.

    ``meanwhile``: they are written in a thread while the first ones are handed on; else all of them are written here
    before. An error of the writer is raised where the reader would read on, so that no part is taken for the whole.
    """
    with TemporaryFile("w+b", prefix="certdash-spool-") as file:
        spool = _Spool(file)
        if not meanwhile:
            spool.fill(pieces)
            spool.ended = True
            yield from spool.read()
            return
        with ThreadPoolExecutor(1, THREAD) as pool:
            writing = pool.submit(spool.fill_alone, pieces)
            try:
                yield from spool.read()
                writing.result()
            finally:
                spool.left.set()


class _Spool:
    """A file with a writer at its end and a reader that follows."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.left = threading.Event()
        self.changed = threading.Condition()
        self.written = 0
        self.ended = False

    def fill(self, pieces: Generator[str]) -> None:
        waiting: list[str] = []
        due, size = time.monotonic() + PATIENCE, 0
        try:
            for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                if size >= PIECE or time.monotonic() >= due:
                    self._append("".join(waiting))
                    due, size = time.monotonic() + PATIENCE, 0
                    waiting.clear()
                if self.left.is_set():
                    break
            self._append("".join(waiting))
        finally:
            pieces.close()

    def fill_alone(self, pieces: Generator[str]) -> None:
        """The whole work of a thread, whose reader waits for its end, also for a bad one."""
        try:
            self.fill(pieces)
        finally:
            connections.close_all()
            with self.changed:
                self.ended = True
                self.changed.notify()

    def _append(self, text: str) -> None:
        self.file.write(text.encode())
        self.file.flush()
        with self.changed:
            self.written = self.file.tell()
            self.changed.notify()

    def read(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        offset = 0
        while self._has_more_than(offset):
            # At a place of its own: the file's position is the writer's.
            data = os.pread(self.file.fileno(), PIECE, offset)
            offset += len(data)
            yield decoder.decode(data)

    def _has_more_than(self, offset: int) -> bool:
        with self.changed:
            self.changed.wait_for(lambda: self.written > offset or self.ended)
            return self.written > offset
