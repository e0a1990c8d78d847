"""Binary files: certificates one after the other, and what else begins like one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from inventory.sources.ber import BerError, Element, content, element, first_children
from inventory.sources.pkcs7 import read_pkcs7
from inventory.sources.pkcs12 import read_pkcs12
from inventory.sources.value import KEY_REASON, MIB, Budget, Buffer, Found

LARGEST_CERTIFICATE = MIB
INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
REQUEST = "This is a request for a certificate, not a certificate."
_REVOCATION_LIST = "This is a revocation list, not a certificate."
_PUBLIC_KEY = "This is a public key, not a certificate."
_PADDING = b"\0\r\n"
Reader: TypeAlias = Callable[[Buffer, Element, str, int, Budget], Iterator[Found]]


def read_der(data: Buffer, path: str, budget: Budget, offset: int = 0) -> Iterator[Found]:
    """Each element in order; after bytes that are none, nothing more can be found."""
    at = 0
    while at < len(data):
        try:
            found = element(data, at, len(data))
        except BerError as error:
            if data[at : at + 64].strip(_PADDING):
                yield Found(path, offset + error.offset, None, f"It cannot be read: {error}.")
            return
        yield from read_element(data, found, path, budget, offset)
        at = found.after


def is_alone(data: Buffer) -> bool:
    """Whether it is one element, and nothing behind it but padding."""
    try:
        return not data[element(data, 0, len(data)).after :].strip(_PADDING)
    except BerError:
        return False


def read_first(data: Buffer, path: str, budget: Budget, offset: int) -> Iterator[Found]:
    """The first element alone, and where it stood: what OpenSSL adds to a trusted certificate is left out."""
    try:
        found = element(data, 0, len(data))
    except BerError as error:
        yield Found(path, offset, None, f"It cannot be read: {error}, at byte {error.offset} of its content.")
        return
    for item in read_element(data, found, path, budget, offset):
        yield item._replace(offset=offset)


def read_element(data: Buffer, of: Element, path: str, budget: Budget, offset: int) -> Iterator[Found]:
    if of.tag != SEQUENCE:
        yield Found(path, offset + of.head, None, "It is not a certificate.")
        return
    children = first_children(data, of, 3)
    reader = _CONTAINERS.get(_shape(children))
    if reader:
        yield from reader(data, of, path, offset, budget)
    elif reason := _refusal(data, children):
        yield Found(path, offset + of.head, None, reason)
    elif of.after - of.head > LARGEST_CERTIFICATE:
        yield Found(path, offset + of.head, None, "It is larger than a certificate can be (1 MiB).")
    else:
        yield Found(path, offset + of.head, bytes(data[of.head : of.after]))


def _shape(children: list[Element]) -> tuple[int, ...]:
    return tuple(child.tag for child in children)


# PKCS#7 is an identifier and its content; PKCS#12 a version, the content, and perhaps a checksum.
_CONTAINERS: dict[tuple[int, ...], Reader] = {
    (OID, 0xA0): read_pkcs7,
    (INTEGER, SEQUENCE): read_pkcs12,
    (INTEGER, SEQUENCE, SEQUENCE): read_pkcs12,
}
_KEYS = {
    (INTEGER, SEQUENCE, OCTET_STRING),  # PKCS#8
    (INTEGER, INTEGER, INTEGER),  # PKCS#1, DSA
    (INTEGER, OCTET_STRING),  # SEC 1
    (INTEGER, OCTET_STRING, 0xA0),
    (INTEGER, OCTET_STRING, 0xA1),
    (SEQUENCE, OCTET_STRING),  # PKCS#8, encrypted
}


def _refusal(data: Buffer, children: list[Element]) -> str:
    """What it is, where it is known and no certificate."""
    shape = _shape(children)
    if shape in _KEYS:
        return KEY_REASON
    if shape == (SEQUENCE, BIT_STRING):
        return _PUBLIC_KEY
    if shape != (SEQUENCE, SEQUENCE, BIT_STRING):
        return ""
    inside = _shape(first_children(data, children[0], 4))
    if inside[:3] == (INTEGER, SEQUENCE, SEQUENCE) and inside[3:] in {(0xA0,), ()}:
        return REQUEST
    return _REVOCATION_LIST if _is_revocation_list(data, children[0]) else ""


def _is_revocation_list(data: Buffer, signed: Element) -> bool:
    """A time stands where a certificate has its validity: after algorithm and issuer."""
    inside = first_children(data, signed, 4)
    fields = inside[1:] if inside and inside[0].tag == INTEGER else inside
    return len(fields) > 2 and fields[2].tag in {0x17, 0x18} and bool(content(data, fields[2]))
