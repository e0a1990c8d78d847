"""The three handshake messages that we read ourselves (RFC 5246, 7.4; RFC 8446, 4): what was sent, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

SERVER_HELLO, CERTIFICATE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE, FINISHED = 2, 11, 13, 14, 20

_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
_SUPPORTED_VERSIONS = 43


class MalformedError(ValueError):
    """A length points outside of its message."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose. A HelloRetryRequest has the same form and tells the same."""

    version: str
    cipher: int


class _Cursor:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._octets)

    def take(self, length: int) -> bytes:
        if self._at + length > len(self._octets):
            raise MalformedError
        taken = self._octets[self._at : self._at + length]
        self._at += length
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def read_server_hello(body: bytes) -> ServerHello:
    """Raises ``MalformedError``."""
    cursor = _Cursor(body)
    version = cursor.number(2)
    cursor.take(32)
    cursor.vector(1)
    cipher = cursor.number(2)
    cursor.take(1)
    extensions = _Cursor(b"" if cursor.is_at_end else cursor.vector(2))
    while not extensions.is_at_end:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SUPPORTED_VERSIONS:
            version = int.from_bytes(content)
    return ServerHello(_VERSIONS.get(version, f"0x{version:04x}"), cipher)


def read_chain(body: bytes, version: str) -> tuple[bytes, ...]:
    """The certificates of a Certificate message, in the order sent, whatever they hold. Raises ``MalformedError``."""
    cursor = _Cursor(body)
    is_tls13 = version == "TLSv1.3"
    if is_tls13:
        cursor.vector(1)
    entries = _Cursor(cursor.vector(3))
    chain: list[bytes] = []
    while not entries.is_at_end:
        chain.append(entries.vector(3))
        if is_tls13:
            entries.vector(2)
    return tuple(chain)
