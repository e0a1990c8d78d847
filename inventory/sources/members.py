"""Members of archives: which are refused by their names, and reading one within the budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from inventory.sources.value import MIB, Budget, Found, LimitError

# Reads one member, whatever it is: its bytes, its path, and how deep it lies.
Inner: TypeAlias = Callable[[bytes, str, int], Iterator[Found]]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_PATH = 400
_PIECE = MIB


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes | None: ...


def refusal(name: str) -> str:
    """Why a member with this name is not read. Nothing is ever written, but an honest archive has no such names."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts:
        return "Its name leads out of the archive."
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "Its name is an absolute path."
    return "Its name holds control characters." if _CONTROL.search(name) else ""


def joined(outer: str, name: str) -> str:
    """The path of a member, as it is shown: cut at its beginning, because its end names the file."""
    path = _CONTROL.sub("\ufffd", f"{outer}/{name}" if outer else name)
    path = path.encode("utf-8", "replace").decode()
    return path if len(path) <= _LONGEST_PATH else f"…{path[1 - _LONGEST_PATH :]}"


def read_member(stream: Readable, announced: int, depth: int, budget: Budget) -> bytes:
    """The whole member. Raises LimitError for one that is too large, whatever was announced."""
    most = budget.member if depth <= 1 else budget.nested
    if announced > most:
        raise LimitError(f"It is larger than {most // MIB} MiB.")
    pieces, size = list[bytes](), 0
    while size <= most and (piece := stream.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    if size > most:
        raise LimitError(f"It is larger than {most // MIB} MiB.")
    return b"".join(pieces)
