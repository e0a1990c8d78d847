"""PKCS#7 (.p7b): the certificates of a signed message, found without reading anything else of it."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.sources.ber import BerError, Element, children, content
from inventory.sources.value import Budget, Buffer, Found

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_CERTIFICATES, _CERTIFICATE = 0xA0, 0x30
_NONE = "There is no certificate in this PKCS#7 file."


def read_pkcs7(data: Buffer, of: Element, path: str, offset: int, _budget: Budget) -> Iterator[Found]:
    """RFC 2315, section 9.1: the certificates are the field [0] of the signed data."""
    try:
        field = _certificates(data, of)
        if field is None:
            yield Found(path, offset + of.head, None, _NONE)
            return
        for child in children(data, field):
            if child.tag == _CERTIFICATE:
                yield Found(path, offset + child.head, bytes(data[child.head : child.after]))
            else:
                yield Found(path, offset + child.head, None, "This form of certificate is not X.509.")
    except BerError as error:
        yield Found(path, offset + error.offset, None, f"The PKCS#7 file is broken here: {error}.")


def _certificates(data: Buffer, of: Element) -> Element | None:
    kind, wrapped = list(children(data, of))[:2]
    if content(data, kind) != _SIGNED_DATA:
        return None
    signed = next(children(data, wrapped), None)
    fields = children(data, signed) if signed else iter(())
    return next((field for field in fields if field.tag == _CERTIFICATES), None)
