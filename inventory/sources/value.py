"""What readers find in a file, and how much of it they may unpack."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

# Both can be searched and cut; a file on the disk is mapped instead of read.
Buffer: TypeAlias = bytes | mmap.mmap

MIB = 2**20
WRONG_PASSWORD = "The password is wrong."  # noqa: S105 (a sentence)
NEEDS_PASSWORD = "It is protected by a password."  # noqa: S105 (a sentence)
LOCKED = (NEEDS_PASSWORD, WRONG_PASSWORD)
SPREADSHEET = "A spreadsheet of an office programme: save the sheet as CSV, and import that."
KEY_REASON = "This is a private key; certdash does not take private keys here."


class Renewal(NamedTuple):
    """What renewal settings say of the certificate with this digest. ``program`` is empty where they left it behind."""

    sha256: str
    lineage: str
    program: str
    fields: Mapping[str, str]


class Found(NamedTuple):
    """One thing in a file: the bytes of what should be a certificate, why it is refused, or settings for one.

    ``path`` leads through archives; ``offset`` counts bytes in the innermost file.
    """

    path: str
    offset: int
    der: bytes | None
    reason: str = ""
    renewal: Renewal | None = None


class Beside(Protocol):
    """Who looks at what stands beside certificates; see ``lineages``."""

    def note(self, found: Found) -> None: ...
    def take_link(self, path: str, target: str, offset: int = 0) -> bool: ...
    def take_settings(self, path: str, data: Buffer) -> bool: ...


class LimitError(ValueError):
    """More than an archive may hold; the message says of what."""


@dataclass(slots=True)
class Budget:
    """What one upload may still unpack, all its archives together."""

    members: int = 20_000
    inflated: int = 256 * MIB
    member: int = 128 * MIB
    # What lies in an archive inside an archive is held in memory together with it.
    nested: int = 64 * MIB
    depth: int = 3
    # Certificates shrink to a half. Beyond this, it is a bomb.
    ratio: int = 200
    ratio_from: int = 16 * MIB
    password: str = field(default="", repr=False)
    # PKCS#12 files that are opened, each in a process of its own; for how long all of them, and for how long one.
    opened: int = 200
    opened_seconds: float = 30.0
    one_seconds: float = 10.0
    beside: Beside | None = None
    # Is given each PKCS#12 file that did not open, with its path and offset.
    locked: Callable[[str, int, bytes], None] | None = None
    # How far the upload is read, in bytes; for archives, how far the archive is.
    progress: int = 0

    def take_member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise LimitError("There are more than 20,000 files in it; the rest was not read.")

    def take_opening(self) -> bool:
        """Whether one more PKCS#12 file is opened."""
        self.opened -= 1
        return self.opened >= 0 and self.opened_seconds > 0

    def take(self, size: int) -> None:
        self.inflated -= size
        if self.inflated < 0:
            raise LimitError("It unpacks to more than 256 MiB; the rest was not read.")

    def check_ratio(self, packed: int, unpacked: int) -> None:
        if unpacked > self.ratio_from and unpacked > self.ratio * packed:
            raise LimitError(f"It unpacks to more than {self.ratio} times its size; the rest was not read.")
