"""Just enough DER to take a certificate apart and put it together again (X.690)."""

from collections.abc import Iterator

SEQUENCE = 0x30
INTEGER = 0x02
BIT_STRING = 0x03
OBJECT_IDENTIFIER = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18


def wrap(tag: int, content: bytes) -> bytes:
    """One element: tag, definite length, content."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def content(element: bytes) -> bytes:
    """The content octets of one element."""
    return element[_header(element) :]


def children(element: bytes) -> list[bytes]:
    """The elements inside a constructed one, each whole."""
    return list(_split(content(element)))


def integer(value: int) -> bytes:
    return wrap(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _split(data: bytes) -> Iterator[bytes]:
    while data:
        size = _header(data) + _length(data)
        yield data[:size]
        data = data[size:]


def _header(data: bytes) -> int:
    return 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)


def _length(data: bytes) -> int:
    if data[1] & 0x80:
        return int.from_bytes(data[2 : _header(data)], "big")
    return data[1]
