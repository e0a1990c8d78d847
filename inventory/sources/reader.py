"""Any file: what it is follows from its first bytes, never from its name."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from inventory.sources.der import read_der
from inventory.sources.inflate import FAILURES, UNPACKERS, Inflated, View
from inventory.sources.lineages import Lineages
from inventory.sources.members import read_member
from inventory.sources.pem import BEGIN, read_pem
from inventory.sources.tars import BLOCK, exactly, is_tar, read_tar
from inventory.sources.value import MIB, SPREADSHEET, Budget, Buffer, Found, LimitError
from inventory.sources.zips import read_zip

REFUSED_AT_MOST = 20_000
NOTHING = "There is no certificate in it."
_UNREAD = {
    b"\xfe\xed\xfe\xed": "A Java keystore (JKS): turn it into PKCS#12 with keytool -importkeystore, and import that.",
    b"\xce\xce\xce\xce": "A Java keystore (JCEKS): turn it into PKCS#12 with keytool -importkeystore, and import that.",
    b"\xd0\xcf\x11\xe0": SPREADSHEET,
    b"7z\xbc\xaf": "A 7z archive: unpack it, or pack it as ZIP or TAR.",
    b"Rar!": "A RAR archive: unpack it, or pack it as ZIP or TAR.",
    b"\x28\xb5\x2f\xfd": "Packed with zstd: unpack it, or pack it with gzip.",
}
_ZIPS = (b"PK\3\4", b"PK\5\6")
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# A sequence of any length, the integer 3, a sequence.
_PKCS12 = re.compile(rb"0(?:[\x00-\x7f]|\x80|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.DOTALL)
_UTF_16_AT_MOST = 32 * MIB
_BASE64_AT_MOST = 32 * MIB


def read_file(data: Buffer, budget: Budget, path: str = "") -> Iterator[Found]:
    """Everything in it, in order, each with its place. Any bytes end in at least one item, and in no error."""
    refused = 0
    try:
        for found in _read(data, path, 0, budget):
            if found.path == path:
                budget.progress = max(budget.progress, found.offset)
            yield found
            refused += found.der is None
            if refused > REFUSED_AT_MOST:
                yield Found(found.path, found.offset, None, "Too much of it was refused; the rest was not read.")
                return
    except LimitError as error:
        yield Found(path, 0, None, str(error))


def read_upload(data: Buffer, budget: Budget) -> Iterator[Found]:
    """As ``read_file``, and then what the settings in it say of its certificates."""
    lineages = Lineages()
    budget.beside = lineages
    yield from read_file(data, budget)
    yield from lineages.told()


def is_pkcs12(head: bytes) -> bool:
    """Whether a file that begins with these bytes is PKCS#12: version 3, then the content (RFC 7292, section 4)."""
    return _PKCS12.match(head) is not None


def is_text(data: Buffer) -> bool:
    """Whether it is none of the binary forms, as far as its beginning tells."""
    head = bytes(data[:BLOCK])
    known = _archive(head) or any(head.startswith(magic) for magic in _UNREAD) or _is_der(data)
    return not known and (head[:2] in _UTF_16 or b"\0" not in head)


def _is_der(data: Buffer) -> bool:
    """Text may begin with the same byte, the digit 0; then the second byte tells, or for a short element the length."""
    if len(data) < 2 or data[0] != 0x30:
        return False
    return data[1] >= 0x80 or len(data) == 2 + data[1]


def _read(data: Buffer, path: str, depth: int, budget: Budget) -> Iterator[Found]:
    empty = True
    for found in _by_magic(data, path, depth, budget):
        empty = False
        if budget.beside:
            budget.beside.note(found)
        yield found
    if empty and not (budget.beside and budget.beside.take_settings(path, data)):
        yield Found(path, 0, None, NOTHING)


def _by_magic(data: Buffer, path: str, depth: int, budget: Budget) -> Iterator[Found]:
    head = bytes(data[:BLOCK])
    reason = next((words for magic, words in _UNREAD.items() if head.startswith(magic)), "")
    archive = _archive(head)
    if reason:
        return iter((Found(path, 0, None, reason),))
    if archive and depth >= budget.depth:
        return iter((Found(path, 0, None, "Archives lie too deep in each other here."),))
    if archive:
        return archive(data, path, depth, budget)
    if _is_der(data):
        return read_der(data, path, budget)
    return _text(data, head, path, budget)


_Archive = Callable[[Buffer, str, int, Budget], Iterator[Found]]


def _archive(head: bytes) -> _Archive | None:
    if head.startswith(_ZIPS):
        return _zip
    if any(head.startswith(magic) for magic in UNPACKERS):
        return _packed
    return _tar if is_tar(head) else None


def _inner(budget: Budget) -> Callable[[bytes, str, int], Iterator[Found]]:
    return lambda data, path, depth: _read(data, path, depth, budget)


def _zip(data: Buffer, path: str, depth: int, budget: Budget) -> Iterator[Found]:
    return read_zip(data, path, depth, budget, _inner(budget))


def _tar(data: Buffer, path: str, depth: int, budget: Budget) -> Iterator[Found]:
    return read_tar(View(data), path, depth, budget, _inner(budget))


def _packed(data: Buffer, path: str, depth: int, budget: Budget) -> Iterator[Found]:
    """A packed TAR, or one packed file."""
    make = next(make for magic, make in UNPACKERS.items() if bytes(data[: len(magic)]) == magic)
    try:
        yield from _unpacked(Inflated(data, make, budget), path, depth, budget)
    except FAILURES as error:
        if isinstance(error, LimitError):
            raise
        yield Found(path, 0, None, f"It cannot be unpacked: {str(error)[:100] or type(error).__name__}.")


def _unpacked(stream: Inflated, path: str, depth: int, budget: Budget) -> Iterator[Found]:
    head = exactly(stream, BLOCK)
    whole = _Chained(head, stream)
    if is_tar(head):
        yield from read_tar(whole, path, depth, budget, _inner(budget))
    else:
        yield from _read(read_member(whole, 0, depth, budget), _unpacked_name(path), depth + 1, budget)


def _unpacked_name(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")) if PurePosixPath(path).suffix in {".gz", ".bz2", ".xz"} else path


class _Chained:
    """What was read already, and then the rest."""

    def __init__(self, head: bytes, rest: Inflated) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            piece, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
            return piece
        return self._rest.read(size) or b""


def _text(data: Buffer, head: bytes, path: str, budget: Budget) -> Iterator[Found]:
    codec = _UTF_16.get(head[:2])
    if codec and len(data) <= _UTF_16_AT_MOST:
        # Offsets count bytes of the file, two for each letter.
        text = bytes(data[2:]).decode(codec, "replace").encode("ascii", "replace")
        return (found._replace(offset=2 + 2 * found.offset) for found in read_pem(text, path, budget))
    if len(data) <= _BASE64_AT_MOST and head.lstrip()[:2] == b"MI" and data.find(BEGIN) < 0:
        return _bare_base64(bytes(data), path, budget)
    return read_pem(data, path, budget)


def _bare_base64(data: bytes, path: str, budget: Budget) -> Iterator[Found]:
    """A certificate in base64 without its BEGIN and END lines, as it stands in many settings."""
    try:
        content = base64.b64decode(data.translate(None, b" \t\r\n"), validate=True)
    except binascii.Error:
        return
    for found in read_der(content, path, budget):
        yield found._replace(offset=0)
