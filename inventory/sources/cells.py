"""What one row of a table says, read cell by cell: as plain values, with what could not be read and why."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import urlsplit

from certdash.lib.inert import shorten, visible
from inventory.addresses import pack, unpack
from inventory.names import address_of, normalise
from inventory.sources import columns as c
from inventory.sources.tables import KEY_LEFT_OUT
from inventory.x509 import split_pem

CUSTOM = "custom:"
APPLICATION_LENGTH, NOTES_LENGTH, TEAM_LENGTH = 100, 5000, 100
KEY_LENGTH, VALUE_LENGTH, FIELDS_AT_MOST = 50, 300, 30
TAG_LENGTH, TAGS_AT_MOST = 50, 20
_NO_TAG = re.compile(r"[^a-z0-9_-]+")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_WITH_PORT = re.compile(r"(.+):(\d{1,5})")
_MAIL = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+")
_ENVIRONMENTS: Mapping[str, str] = {
    word: value
    for value, words in {
        "production": "production prod prd live p produktion produktiv",
        "staging": "staging stage stg preprod preproduction uat abnahme",
        "test": "test tst testing qa t",
        "development": "development dev develop d entwicklung",
    }.items()
    for word in words.split()
}
_CRITICALITIES: Mapping[str, str] = {
    word: value
    for value, words in {
        "critical": "critical kritisch veryhigh",
        "high": "high hoch",
        "normal": "normal medium moderate mittel",
        "low": "low niedrig gering",
    }.items()
    for word in words.split()
}
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d-%b-%Y", "%b %d %Y", "%d %b %Y")


@dataclass(slots=True)
class Said:
    """``problem`` says why the row is refused; ``remarks`` what of it is kept otherwise, or not at all.

    ``host`` is an A-label or an address in its usual form, ``serial`` hexadecimal as stored. ``expiries`` are the days
    that the cell may mean: 5/6/2027 are two.
    """

    host: str = ""
    port: int | None = None
    owner: str = ""
    team: str = ""
    details: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    expiries: list[str] = field(default_factory=list)
    serial: str = ""
    der: bytes = b""
    problem: str = ""
    remarks: list[str] = field(default_factory=list)


def read_cells(row: Mapping[str, str], columns: Mapping[str, str]) -> Said:
    """``row``: heading → cell; ``columns``: our field (or ``custom:…``) → heading."""
    said = Said()
    for key, heading in columns.items():
        cell = row.get(heading, "").strip()
        if cell and not said.problem:
            _read(said, key, heading, cell)
    said.tags = sorted(dict.fromkeys(said.tags))[:TAGS_AT_MOST]
    if not (said.problem or said.host or said.serial or said.der):
        nothing = "It names no host, no serial number and no certificate."
        said.problem = " ".join([*said.remarks[:1], nothing])
    return said


def _read(said: Said, key: str, heading: str, cell: str) -> None:
    if key.startswith(CUSTOM):
        keep_custom(said, heading, cell)
    elif reader := _READERS.get(key):
        reader(said, cell)


def keep_custom(said: Said, heading: str, cell: str) -> None:
    """A field of one's own; also what a column of ours could not take."""
    name, text = shorten(visible(heading), KEY_LENGTH), " ".join(cell.split())
    if len(said.custom) >= FIELDS_AT_MOST and name not in said.custom:
        said.remarks.append(f"“{name}” was left out: {FIELDS_AT_MOST} fields are kept.")
        return
    if len(text) > VALUE_LENGTH:
        said.remarks.append(f"“{name}” was cut after {VALUE_LENGTH} characters.")
    said.custom[name] = shorten(visible(text), VALUE_LENGTH)


def _host(said: Said, cell: str) -> None:
    texts = re.split(r"[\s,;]+", cell)
    if len(texts) > 1 and "." in texts[0]:
        said.remarks.append("Of several hosts, the first was taken.")
    try:
        host, port = _place(texts[0]) if len(texts) == 1 or "." in texts[0] else ("", None)
    except ValueError:
        host, port = "", None
    if not host:
        # No harm where a certificate or a serial number says what the row is about: names of people are common names.
        said.remarks.append(f"“{shorten(visible(cell), 80)}” is no name of one host, and no address.")
        return
    said.host = host
    said.port = said.port or port


def _place(text: str) -> tuple[str, int | None]:
    """The host, and the port if it is said: of a URL, of ``host:port``, of ``[::1]:443``, or of a host alone."""
    if "://" in text:
        parts = urlsplit(text)
        usual = {"https": 443, "ldaps": 636, "smtps": 465, "imaps": 993}
        return _name(parts.hostname or ""), parts.port or usual.get(parts.scheme)
    text = text.partition("/")[0]
    if address_of(text) is None and (found := _WITH_PORT.fullmatch(text)):
        return _name(found[1]), _number(found[2])
    return _name(text), None


def _name(text: str) -> str:
    address = address_of(text)
    if address is not None:
        return unpack(pack(str(address)))
    name = normalise(text)
    return name if _HOST.fullmatch(name) else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65_536 else None


def _port(said: Said, cell: str) -> None:
    # Spreadsheets make decimal numbers of ports.
    port = _number(cell.removesuffix(".0").removesuffix(",0").lower().removeprefix("tcp/").removesuffix("/tcp"))
    if port is None:
        said.problem = f"“{shorten(visible(cell), 40)}” is no port."
    said.port = port


def _owner(said: Said, cell: str) -> None:
    found = _MAIL.search(cell)
    if found and visible(found[0]) == found[0] and len(found[0]) <= 254:
        said.owner = found[0].lower()
    else:
        keep_custom(said, "Owner", cell)
        said.remarks.append("The owner is no e-mail address; it is kept as the field “Owner”.")


def _team(said: Said, cell: str) -> None:
    said.team = shorten(visible(" ".join(cell.split())), TEAM_LENGTH)


def _text(name: str, most: int) -> Callable[[Said, str], None]:
    def read(said: Said, cell: str) -> None:
        lines = "\n".join(visible(line.expandtabs(4)) for line in cell.replace("\r\n", "\n").split("\n"))
        text = lines if name == c.NOTES else visible(" ".join(cell.split()))
        if len(text) > most:
            said.remarks.append(f"The {name} were cut after {most:,} characters.")
        said.details[name] = shorten(text, most)

    return read


def _word(name: str, words: Mapping[str, str]) -> Callable[[Said, str], None]:
    def read(said: Said, cell: str) -> None:
        word = words.get(c.plain(cell))
        if word:
            said.details[name] = word
        else:
            keep_custom(said, name.capitalize(), cell)
            shown = shorten(visible(cell), 40)
            said.remarks.append(f"“{shown}” is no {name} of ours; it is kept as the field “{name.capitalize()}”.")

    return read


def _tags(said: Said, cell: str) -> None:
    for part in re.split(r"[,;|]", cell):
        tag = _NO_TAG.sub("-", part.strip().lower()).strip("-")[:TAG_LENGTH]
        if tag:
            said.tags.append(tag)


def _expiry(said: Said, cell: str) -> None:
    said.expiries = days_of(cell)
    if not said.expiries:
        said.remarks.append(f"“{shorten(visible(cell), 40)}” is no date that could be read.")


def days_of(cell: str) -> list[str]:
    """The days (ISO) that a date may mean."""
    text = cell.replace(",", " ").strip()
    words = re.split(r"[T\s]+", text)
    found: list[str] = []
    for candidate in (words[0], " ".join(words[:3])):
        for form in _DATES:
            day = _day(candidate, form)
            if day and day not in found:
                found.append(day)
    return found


def _day(text: str, form: str) -> str:
    try:
        return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        return ""


def differs(expiries: list[str], not_after: date) -> bool:
    """Whether no day that was said is the end, give or take the zone that it was written in."""
    return bool(expiries) and all(abs((date.fromisoformat(day) - not_after).days) > 1 for day in expiries)


def _serial(said: Said, cell: str) -> None:
    digits = re.sub(r"[\s:-]", "", cell.lower()).removeprefix("0x")
    if not digits or len(digits) > 128 or not re.fullmatch(r"[0-9a-f]+", digits):
        said.remarks.append(f"“{shorten(visible(cell), 40)}” is no serial number in hexadecimal.")
        return
    digits = digits.lstrip("0") or "0"
    said.serial = digits.zfill(len(digits) + len(digits) % 2)


def _certificate(said: Said, cell: str) -> None:
    """PEM, or base64 with or without line breaks; of several, the first."""
    if cell == KEY_LEFT_OUT:
        said.problem = "What should be a certificate is a private key; certdash takes none."
        return
    blocks = [block for block in split_pem(cell.encode("ascii", "replace")) if "CERTIFICATE" in block.label]
    if blocks:
        said.der, reason = blocks[0].content or b"", blocks[0].reason
    else:
        said.der, reason = _decoded(cell)
    if not said.der:
        said.problem = f"What should be a certificate cannot be read: {reason}."


def _decoded(cell: str) -> tuple[bytes, str]:
    try:
        return base64.b64decode(re.sub(r"\s+", "", cell), validate=True), "it is empty"
    except (binascii.Error, ValueError):
        return b"", "it is neither PEM nor base64"


_READERS: Mapping[str, Callable[[Said, str], None]] = {
    c.HOST: _host,
    c.PORT: _port,
    c.OWNER: _owner,
    c.TEAM: _team,
    c.APPLICATION: _text(c.APPLICATION, APPLICATION_LENGTH),
    c.ENVIRONMENT: _word(c.ENVIRONMENT, _ENVIRONMENTS),
    c.CRITICALITY: _word(c.CRITICALITY, _CRITICALITIES),
    c.EXPIRY: _expiry,
    c.NOTES: _text(c.NOTES, NOTES_LENGTH),
    c.TAGS: _tags,
    c.CERTIFICATE: _certificate,
    c.SERIAL: _serial,
}
