"""Packed streams, unpacked piece by piece within a budget."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from inventory.sources.value import MIB, Budget, Buffer

_PIECE = 2**16
# xz -9 needs 65 MiB.
_XZ_MEMORY = 80 * MIB
FAILURES = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


class _Gzip:
    """zlib's object, asked like those of bz2 and lzma: it keeps itself what it could not take yet."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)


UNPACKERS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
}


class Inflated(io.RawIOBase):
    """What is packed in a buffer, to be read from front to back. Several packed streams may follow each other."""

    def __init__(self, data: Buffer, make: Callable[[], Any], budget: Budget) -> None:
        self._data, self._make, self._budget = data, make, budget
        self._unpacker = make()
        self._at = self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        piece = b""
        # To zlib, a length of 0 means without limit.
        while len(into) and not piece and not self._is_over():
            given = self._more()
            piece = self._unpacker.decompress(given, min(len(into), _PIECE))
            if not piece and not given and not self._unpacker.eof:
                raise EOFError("the packed bytes end too early")
        self._out += len(piece)
        self._budget.take(len(piece))
        self._budget.check_ratio(self._at, self._out)
        into[: len(piece)] = piece
        return len(piece)

    def _more(self) -> bytes:
        if not self._unpacker.needs_input:
            return b""
        piece = bytes(self._data[self._at : self._at + _PIECE])
        self._at += len(piece)
        return piece

    def _is_over(self) -> bool:
        """At the end of one packed stream another may begin; what else follows is padding."""
        if not self._unpacker.eof:
            return False
        self._at -= len(self._unpacker.unused_data)
        if self._data[self._at : self._at + 2] != self._data[:2]:
            return True
        self._unpacker = self._make()
        return False


class View(io.RawIOBase):
    """A buffer as a file."""

    def __init__(self, data: Buffer) -> None:
        self._data, self._at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: Any) -> int:
        piece = self._data[self._at : self._at + len(into)]
        into[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
