"""Files and folders on this machine: the trees of certbot and acme.sh, or any other. Each file counts once."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from inventory.sources.der import REQUEST
from inventory.sources.lineages import Lineages
from inventory.sources.reader import NOTHING, read_file
from inventory.sources.value import KEY_REASON, Budget, Found

EMPTY = "There is nothing in it."
# What stands beside certificates in any such folder, and is nobody's mistake.
_BESIDE = {NOTHING, EMPTY, REQUEST}


@dataclass(slots=True)
class Folders:
    """What was read on the way: ``skipped`` is what is left aside and no refusal, with the reason."""

    password: str = field(default="", repr=False)
    files: int = 0
    skipped: list[Found] = field(default_factory=list)
    lineages: Lineages = field(default_factory=Lineages)
    _seen: dict[tuple[int, int], str] = field(default_factory=dict)

    def read(self, paths: list[Path]) -> Iterator[Found]:
        """Everything in these, in the order of their names. A private key is never a refusal here, but left aside."""
        for path in paths:
            if path.is_dir():
                for file in _below(path):
                    yield from self._sorted_out(file, is_named=False)
            else:
                yield from self._sorted_out(path, is_named=True)
        for found in self.lineages.told():
            # Settings without their certificate are nobody's mistake.
            if found.renewal is None:
                self.skipped.append(found)
            else:
                yield found

    def _sorted_out(self, file: Path, *, is_named: bool) -> Iterator[Found]:
        for found in self._found(file):
            if found.reason == KEY_REASON or (not is_named and found.reason in _BESIDE):
                self.skipped.append(found)
            else:
                yield found

    def _found(self, file: Path) -> Iterator[Found]:
        try:
            about = file.stat()
            identity = (about.st_dev, about.st_ino)
            if identity in self._seen:
                self.lineages.alias(str(file), self._seen[identity])
                return
            self._seen[identity] = str(file)
            if not file.is_file():
                yield Found(str(file), 0, None, "It is not a file.")
                return
            self.files += 1
            if not about.st_size:
                yield Found(str(file), 0, None, EMPTY)
                return
            with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from read_file(data, self._budget(), str(file))
        except OSError as error:
            yield Found(str(file), 0, None, f"It cannot be read: {(error.strerror or str(error)).lower()}.")

    def _budget(self) -> Budget:
        return Budget(password=self.password, beside=self.lineages)


def _below(folder: Path) -> Iterator[Path]:
    """All files, also behind links to files, but not behind links to folders: those may lead in a circle."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(files))
