"""Tables as people export them: CSV in the usual shapes, and lists of objects in JSON. Rows come one by one."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

ROWS_AT_MOST = 100_000
COLUMNS_AT_MOST = 200
CELL_AT_MOST = 1_000_000
# Loaded as a whole, small things take forty times their bytes.
JSON_AT_MOST = 8_000_000
# A line is never read further than this; neither is a cell over several lines.
LINE_AT_MOST = 2 * CELL_AT_MOST
HEADING_LENGTH = 100
DELIMITERS = ",;\t|"
# What looks like a private key goes no further than this module.
KEY_LEFT_OUT = "(a private key stood here; it was not kept)"
_CHUNK = 1 << 20
_HEAD = 1 << 16
# What reads a table must be able to say which cell is too large, so the reader itself allows more.
csv.field_size_limit(LINE_AT_MOST)


class TableError(Exception):
    """It is no table that can be read; the message says why."""


class TooLargeError(TableError):
    """It may be a table, and is not looked into."""


class Row(NamedTuple):
    """``number`` counts as a spreadsheet does: the headings are row 1. A row with a problem has no cells."""

    number: int
    cells: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``note`` says what had to be guessed about it."""

    headings: tuple[str, ...]
    rows: Iterator[Row]
    note: str = ""

    def of(self, row: Row) -> dict[str, str]:
        """Heading → cell, without those that are blank."""
        return {name: cell for name, cell in zip(self.headings, row.cells, strict=False) if cell.strip()}


def read_table(stream: IO[bytes]) -> Table:
    """The stream must allow to go back to its beginning, and stay open while rows are read."""
    encoding, note = _encoding(stream)
    stream.seek(0)
    head = stream.read(_HEAD).decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    stream.seek(0)
    if head[:1] in {"[", "{"}:
        return _objects(stream, encoding, note)
    return _csv(io.TextIOWrapper(_Unclosed(stream), encoding, newline=""), head, note)


class _Unclosed(io.BufferedReader):
    """The text around it may go; the stream belongs to who opened it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(_Raw(stream), _CHUNK)


class _Raw(io.RawIOBase):
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._stream.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _encoding(stream: IO[bytes]) -> tuple[str, str]:
    """UTF-8 and UTF-16 with or without a mark; what is neither is taken for Latin letters, and that is said."""
    stream.seek(0)
    head = stream.read(_HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", ""
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) >= 4 and head[start::2].count(0) > len(head) // 4:
            return name, ""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    stream.seek(0)
    try:
        while part := stream.read(_CHUNK):
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return "latin-1", f"It is no UTF-8 ({error.reason}); its letters were read as Latin-1."
    return "utf-8-sig", ""


class _Lines:
    """Lines for the CSV reader. Of one that is too long, the rest is dropped and ``is_cut`` tells."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.is_cut = False

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(LINE_AT_MOST):
            if len(line) == LINE_AT_MOST and not line.endswith(("\n", "\r")):
                self.is_cut = True
                self._drop_rest()
            yield line

    def _drop_rest(self) -> None:
        while (rest := self._text.readline(LINE_AT_MOST)) and not rest.endswith(("\n", "\r")):
            pass


def _csv(text: io.TextIOWrapper, head: str, note: str) -> Table:
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=_delimiter(head))
    number, first = 0, list[str]()
    try:
        for first in reader:
            number += 1
            if any(cell.strip() for cell in first) and not _says_delimiter(first):
                break
        else:
            raise TableError("There is no row in it.")
    except (csv.Error, UnicodeDecodeError) as error:
        raise TableError(f"The headings cannot be read: {error}.") from error
    if lines.is_cut:
        raise TableError(f"The line of its headings is longer than {LINE_AT_MOST:,} characters.")
    _require_few(first)
    headings = named(first)
    return Table(headings, _rows(reader, lines, len(headings), number), note)


def _require_few(columns: Sized) -> None:
    if len(columns) > COLUMNS_AT_MOST:
        raise TableError(f"It has more than {COLUMNS_AT_MOST} columns.")


def _says_delimiter(cells: Sequence[str]) -> bool:
    """Excel's own way of telling: a first line ``sep=;``."""
    return cells[0].lstrip("\ufeff").lower().startswith("sep=")


def _delimiter(head: str) -> str:
    """What Excel says, else what parts the headings into most columns."""
    lines = [line for line in head.splitlines() if line.strip()]
    if lines and lines[0].lower().startswith("sep=") and lines[0][4:5] in tuple(DELIMITERS):
        return lines[0][4]
    counted = {mark: _columns(lines[0], mark) if lines else 1 for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: counted[mark])


def _columns(line: str, mark: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=mark), []))
    except csv.Error:
        return 0


def named(cells: Sequence[str]) -> tuple[str, ...]:
    """Headings that differ from each other: what is blank is called by its place, what comes again is numbered."""
    found: dict[str, None] = {}
    for at, cell in enumerate(cells, 1):
        name = wanted = " ".join(cell.replace("\0", "").lstrip("\ufeff").split())[:HEADING_LENGTH] or f"Column {at}"
        again = 2
        while name in found:
            name, again = f"{wanted} ({again})", again + 1
        found[name] = None
    return tuple(found)


def _rows(reader: Any, lines: _Lines, width: int, number: int) -> Iterator[Row]:
    while True:
        number += 1
        if number > ROWS_AT_MOST + 1:
            yield Row(number, (), f"This row and all after it: a table may have {ROWS_AT_MOST:,} rows.")
            return
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            yield Row(number, (), f"It cannot be read: {error}.")
            continue
        if lines.is_cut:
            lines.is_cut = False
            yield Row(number, (), f"It is longer than {LINE_AT_MOST:,} characters.")
        elif any(cell.strip() for cell in cells) and not _is_epilogue(cells):
            yield _row(number, cells, width)


def _is_epilogue(cells: Sequence[str]) -> bool:
    """The last line that certutil writes after its table."""
    return cells[0].startswith("CertUtil:")


def _row(number: int, cells: Sequence[str], width: int) -> Row:
    for at, cell in enumerate(cells, 1):
        if len(cell) > CELL_AT_MOST:
            return Row(number, (), f"Column {at} holds more than {CELL_AT_MOST:,} characters.")
    if any(cell.strip() for cell in cells[width:]):
        return Row(number, (), f"It has {len(cells)} cells, and there are {width} headings.")
    kept = [KEY_LEFT_OUT if "PRIVATE KEY-----" in cell else cell for cell in cells[:width]]
    return Row(number, (*kept, *[""] * (width - len(cells))))


def _objects(stream: IO[bytes], encoding: str, note: str) -> Table:
    """A list of objects, alone or as ``items`` of another object: each is a row, each of its keys a column."""
    raw = stream.read(JSON_AT_MOST + 1)
    if len(raw) > JSON_AT_MOST:
        raise TooLargeError(
            f"JSON is read up to {JSON_AT_MOST // 1_000_000} MB: export it as CSV, or page by page "
            "(Lemur: ?count=1000&page=1, then page=2 …), and import each page."
        )
    try:
        whole = json.loads(raw.decode(encoding).lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise TableError(f"It is no JSON: {str(error)[:100]}.") from error
    items = whole.get("items") if isinstance(whole, dict) else whole
    if not isinstance(items, list):
        raise TableError("There is no list of items in it.")
    keys = dict.fromkeys(str(key) for item in items[:1000] if isinstance(item, dict) for key in item)
    if not keys:
        raise TableError("Its items have no names and values.")
    _require_few(keys)
    headings = tuple(keys)
    return Table(named(headings), _items(items, headings), note)


def _items(items: Sequence[Any], keys: Sequence[str]) -> Iterator[Row]:
    for number, item in enumerate(items, 2):
        if number > ROWS_AT_MOST + 1:
            yield Row(number, (), f"This item and all after it: a table may have {ROWS_AT_MOST:,} rows.")
            return
        if isinstance(item, dict):
            yield _row(number, [_cell(item.get(key)) for key in keys], len(keys))
        else:
            yield Row(number, (), "It is no object with names and values.")


def _cell(value: Any) -> str:
    """Of things inside, their names: ``{"name": "Web"}`` is Web."""
    if isinstance(value, dict):
        return str(value.get("name") or "")
    if isinstance(value, list):
        return ", ".join(filter(None, map(_cell, value)))
    return "" if value is None or value is False else str(value)
