"""TAR archives: read from front to back, header by header; nothing is ever written to the disk.

``tarfile`` itself would read an extended header of any size, and keep every member in memory.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import NamedTuple

from inventory.sources.lineages import LINK
from inventory.sources.members import Inner, Readable, joined, read_member, refusal
from inventory.sources.value import MIB, Budget, Found, LimitError

BLOCK = tarfile.BLOCKSIZE
_EXTENSION_AT_MOST = 64 * 1024
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_REFUSED = {
    tarfile.LNKTYPE: "It is a link, not a file.",
    tarfile.SYMTYPE: LINK,
    tarfile.CHRTYPE: "It is a device, not a file.",
    tarfile.BLKTYPE: "It is a device, not a file.",
    tarfile.FIFOTYPE: "It is a pipe, not a file.",
    tarfile.GNUTYPE_SPARSE: "It has holes; pack it without.",
}


class _Header(NamedTuple):
    kind: bytes
    name: str
    size: int
    link: str


def is_tar(head: bytes) -> bool:
    """Whether these 512 bytes are a header with a right checksum."""
    return len(head) >= BLOCK and head[:1] != b"\0" and _header(head[:BLOCK]) is not None


def read_tar(stream: Readable, path: str, depth: int, budget: Budget, inner: Inner) -> Iterator[Found]:
    at, name = 0, ""
    while raw := exactly(stream, BLOCK):
        header = _header(raw)
        if header is None:
            if raw.strip(b"\0"):
                yield Found(path, at, None, "The TAR archive is broken here.")
            return
        budget.take_member()
        budget.progress = at if depth == 0 else budget.progress
        start, at = at, at + BLOCK + header.size + -header.size % BLOCK
        if header.kind in {tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE}:
            name = _long_name(header, _extension(stream, header))
            continue
        yield from _member(stream, header._replace(name=name or header.name), (path, start), depth, budget, inner)
        name = ""


def _member(
    stream: Readable, header: _Header, place: tuple[str, int], depth: int, budget: Budget, inner: Inner
) -> Iterator[Found]:
    outer, at = place
    body = _Body(stream, header.size)
    path = joined(outer, header.name)
    if header.kind in _FILES and not header.name.endswith("/"):
        reason = refusal(header.name)
        if not reason:
            yield from _file(body, header, (path, at), depth, budget, inner)
        else:
            yield Found(path, at, None, reason)
    elif header.kind == tarfile.SYMTYPE and budget.beside and budget.beside.take_link(path, header.link, at):
        pass  # told with its lineage
    elif header.kind in _REFUSED:
        yield Found(path, at, None, _REFUSED[header.kind])
    body.skip()


def _file(
    body: _Body, header: _Header, place: tuple[str, int], depth: int, budget: Budget, inner: Inner
) -> Iterator[Found]:
    path, at = place
    try:
        whole = read_member(body, header.size, depth, budget)
    except LimitError as error:
        if body.left == header.size:  # refused before it was read: it is this file that is too large
            yield Found(path, at, None, str(error))
            return
        raise
    if body.left:
        yield Found(path, at, None, "The archive ends in the middle of it.")
        return
    yield from inner(whole, path, depth + 1)


class _Body:
    """The bytes of one member, and no more."""

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream, self.left, self._padding = stream, size, -size % BLOCK

    def read(self, size: int = -1, /) -> bytes:
        piece = self._stream.read(min(self.left, size if size >= 0 else self.left)) or b""
        self.left -= len(piece)
        return piece

    def skip(self) -> None:
        while self.left and self.read(MIB):
            pass
        exactly(self._stream, self._padding)


def _extension(stream: Readable, header: _Header) -> bytes:
    body = _Body(stream, header.size)
    whole = exactly(body, min(header.size, _EXTENSION_AT_MOST))
    body.skip()
    return whole


def _long_name(header: _Header, raw: bytes) -> str:
    if header.kind == tarfile.GNUTYPE_LONGNAME:
        return raw.rstrip(b"\0").decode("utf-8", "replace")
    # Lines "21 path=some/file.pem": length of the line, key, value.
    for line in raw.split(b"\n"):
        key, _, value = line.partition(b" ")[2].partition(b"=")
        if key == b"path":
            return value.decode("utf-8", "replace")
    return ""


def _header(raw: bytes) -> _Header | None:
    try:
        info = tarfile.TarInfo.frombuf(raw, "utf-8", "replace")
    except (tarfile.HeaderError, ValueError):
        return None
    return _Header(info.type, info.name, info.size, info.linkname) if info.size >= 0 else None


def exactly(stream: Readable, size: int) -> bytes:
    """As many bytes, or fewer at the end."""
    whole = b""
    while len(whole) < size and (piece := stream.read(size - len(whole))):
        whole += piece
    return whole
