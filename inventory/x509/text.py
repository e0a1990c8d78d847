"""Distinguished names and other strings of a certificate as text that can be stored."""

import re
from functools import lru_cache
from typing import NamedTuple

from inventory.x509.der import SEQUENCE, SET, DerError, Node, oid, whole

TEXT_LIMIT = 4096
NAME_LIMIT = 1024  # of one alternative name; a DNS name has at most 253
LABEL_LIMIT = 200
_KEPT_LENGTH = 1024  # bytes of a name that is read once for all certificates

_CODECS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",  # T61String: nobody writes T.61, everybody writes Latin-1
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPECIAL = re.compile(r'[\\,+"<>;]')

COMMON_NAME, ORGANISATION = "2.5.4.3", "2.5.4.10"
_SHORT = {
    COMMON_NAME: "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    ORGANISATION: "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.15": "businessCategory",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "GN",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

Attributes = list[list[tuple[str, Node]]]  # one list per RDN, in the order of the certificate


class DistinguishedName(NamedTuple):
    """A name as text (None if unreadable), and the most specific values that people call it by, or ""."""

    text: str | None
    common_name: str
    organisation: str


UNREAD = DistinguishedName(None, "", "")


def storable(text: str, limit: int = TEXT_LIMIT) -> str:
    r"""Write control characters as `\0A` (RFC 4514, section 2.4) and cut what is too long."""
    return shorten(_CONTROL.sub(lambda found: f"\\{ord(found[0]):02X}", text), limit)


def shorten(text: str, limit: int = TEXT_LIMIT) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def decoded(raw: bytes, codec: str) -> str:
    """Decode without failing: what is not in its own encoding is read as Latin-1."""
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def string(node: Node) -> str | None:
    """Return the text of a string of any type; None if the element is no string."""
    codec = _CODECS.get(node.tag)
    return None if codec is None else decoded(node.content, codec)


def name(node: Node) -> DistinguishedName:
    read = attributes(node)
    return DistinguishedName(rfc4514(read), first_value(read, COMMON_NAME), first_value(read, ORGANISATION))


def frequent_name(node: Node) -> DistinguishedName:
    """As `name`, for what stands in thousands of certificates, such as their issuer."""
    raw = node.raw
    if len(raw) > _KEPT_LENGTH:
        return name(node)
    try:
        return _kept_name(raw)
    except DerError:
        return name(node)  # its error tells the place in the certificate


@lru_cache(maxsize=1024)
def _kept_name(raw: bytes) -> DistinguishedName:
    return name(whole(raw))


def attributes(name: Node) -> Attributes:
    return [
        [_attribute(pair) for pair in relative.expect(SET).children()] for relative in name.expect(SEQUENCE).children()
    ]


def _attribute(pair: Node) -> tuple[str, Node]:
    parts = pair.expect(SEQUENCE).children()
    if len(parts) != 2:
        raise pair.fail("an attribute of a name that is not a pair")
    return oid(parts[0]), parts[1]


def rfc4514(attributes: Attributes) -> str:
    """Return the name as text, the most specific part first."""
    parts = ("+".join(_pair(*pair) for pair in relative) for relative in reversed(attributes))
    return shorten(",".join(parts))


def first_value(attributes: Attributes, wanted: str) -> str:
    """Return the most specific value of that type, or ""."""
    for relative in reversed(attributes):
        for kind, node in relative:
            if kind == wanted:
                return storable(string(node) or "", LABEL_LIMIT)
    return ""


def _pair(kind: str, node: Node) -> str:
    text = string(node)
    shown = f"#{node.raw.hex()}" if text is None else _escaped(text)
    return f"{_SHORT.get(kind, kind)}={shown}"


def _escaped(text: str) -> str:
    text = _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
    if text[:1] in {"#", " "}:
        text = f"\\{text}"
    if len(text) > 1 and text.endswith(" "):
        text = f"{text[:-1]}\\ "
    return _CONTROL.sub(lambda found: f"\\{ord(found[0]):02X}", text)
