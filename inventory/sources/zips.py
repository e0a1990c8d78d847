"""ZIP archives: members are read in memory, one after the other; nothing is ever written to the disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from operator import attrgetter

from inventory.sources.inflate import View
from inventory.sources.members import Inner, joined, read_member, refusal
from inventory.sources.value import MIB, SPREADSHEET, Budget, Buffer, Found, LimitError

_DIRECTORY_AT_MOST = 4 * MIB
_LONGEST_LINK = 1_000
_HEADER_BYTES = 30  # before the name of a member
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\5\6", 22, 2**16
_FAILURES = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, KeyError, zlib.error)
# bzip2 and LZMA could unpack to anything before their size is known.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def read_zip(data: Buffer, path: str, depth: int, budget: Budget, inner: Inner) -> Iterator[Found]:
    reason = _refusal(data)
    if reason:
        yield Found(path, 0, None, reason)
        return
    try:
        with zipfile.ZipFile(View(data)) as archive:
            whole = SPREADSHEET if _is_spreadsheet(archive) else _overlap(archive)
            if whole:
                yield Found(path, 0, None, whole)
                return
            for member in archive.infolist():
                budget.take_member()
                budget.progress = member.header_offset if depth == 0 else budget.progress
                if not member.is_dir():
                    yield from _member(archive, member, path, depth, budget, inner)
    except _FAILURES as error:
        # A limit of the whole upload ends all of it.
        if isinstance(error, LimitError):
            raise
        yield Found(path, 0, None, f"The ZIP archive is broken: {_words(error)}.")


def _is_spreadsheet(archive: zipfile.ZipFile) -> bool:
    """Office packs its sheets as ZIP: to name each part of one would help nobody."""
    names = set(archive.namelist())
    return {"[Content_Types].xml", "xl/workbook.xml"} <= names or {"mimetype", "content.xml"} <= names


def _overlap(archive: zipfile.ZipFile) -> str:
    """Members that share their bytes make thousands of files of a few: no programme packs so."""
    end = 0
    for member in sorted(archive.infolist(), key=attrgetter("header_offset")):
        if member.header_offset < end:
            return "Its members lie on top of each other, as in archives that are made to fill a disk."
        end = member.header_offset + _HEADER_BYTES + member.compress_size
    return ""


def _refusal(data: Buffer) -> str:
    """The directory is read at once, so its size is looked at before."""
    tail_at = max(0, len(data) - _END_BYTES - _LONGEST_COMMENT)
    at = data.rfind(_END, tail_at)
    if at < 0 or at + _END_BYTES > len(data):
        return "The ZIP archive has no end: it was cut short."
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    if data[max(0, at - 20) : at][:4] == b"PK\6\7" or size > _DIRECTORY_AT_MOST:
        return "The ZIP archive names more files than an import may hold."
    return ""


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, outer: str, depth: int, budget: Budget, inner: Inner
) -> Iterator[Found]:
    path, at = joined(outer, member.filename), member.header_offset
    if budget.beside and budget.beside.take_link(path, _target(archive, member) or "/", at):
        return
    reason = refusal(member.orig_filename) or _refused(member)
    if reason:
        yield Found(path, at, None, reason)
        return
    try:
        with archive.open(member) as file:
            whole = read_member(file, member.file_size, depth, budget)
    except LimitError as error:
        yield Found(path, at, None, str(error))
        return
    except _FAILURES as error:
        yield Found(path, at, None, f"It cannot be unpacked: {_words(error)}.")
        return
    budget.take(len(whole))
    budget.check_ratio(member.compress_size, len(whole))
    yield from inner(whole, path, depth + 1)


def _target(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Where a link leads; empty for what is none."""
    if not stat.S_ISLNK(member.external_attr >> 16) or member.file_size > _LONGEST_LINK or _encrypted(member):
        return ""
    try:
        with archive.open(member) as file:
            return file.read(_LONGEST_LINK).decode("utf-8", "replace")
    except _FAILURES:
        return ""


def _encrypted(member: zipfile.ZipInfo) -> bool:
    return bool(member.flag_bits & 1)


def _refused(member: zipfile.ZipInfo) -> str:
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "It is a link or a device, not a file."
    if _encrypted(member):
        return "It is encrypted; unpack it and import what is in it."
    if member.compress_type not in _METHODS:
        return "It is packed by a method that is not taken here; deflate is."
    return ""


def _words(error: Exception) -> str:
    return str(error)[:100] or type(error).__name__
