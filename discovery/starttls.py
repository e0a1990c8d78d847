"""What is said before the handshake on ports that begin in clear text: bytes in, bytes out, then "start TLS now".

SMTP (RFC 3207), IMAP (RFC 9051, 6.2.1), POP3 (RFC 2595, 4), LDAP (RFC 4511, 4.14), PostgreSQL (SSLRequest).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeAlias

MAX_CLEAR_TEXT = 65_536

# Yields what to send, receives what came; returns when TLS may begin.
Talk: TypeAlias = Generator[bytes, bytes, None]

_LDAP_OID = b"1.3.6.1.4.1.1466.20037"
_LDAP_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + _LDAP_OID
_LDAP_EXTENDED_RESPONSE = 0x78
_POSTGRES_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class _RefusedError(Exception):
    """The server will not begin TLS, or does not speak the protocol."""


class Dialogue:
    """One conversation. Send ``opening``, feed what comes, until ``is_ready`` or ``refused`` holds a reason."""

    def __init__(self, protocol: str) -> None:
        self.is_ready = False
        self.refused = ""
        self._received = 0
        self._stream = _Stream()
        self._talk = _TALKS[protocol](self._stream)
        self.opening = next(self._talk)

    def receive(self, received: bytes) -> bytes:
        """Take what the server sent; return what to send next, which may be nothing."""
        self._received += len(received)
        if self._received > MAX_CLEAR_TEXT:
            self.refused = "the server sent too much clear text"
            return b""
        try:
            return self._talk.send(received)
        except StopIteration:
            self.is_ready = not self._stream.rest
            # Bytes between the answer and the handshake come from somebody else (CVE-2011-0411).
            self.refused = "" if self.is_ready else "the server went on in clear text"
        except _RefusedError as error:
            self.refused = str(error)
        return b""


def is_known(protocol: str) -> bool:
    """Whether there is a dialogue for this protocol."""
    return protocol in _TALKS


class _Stream:
    """What came and is not read yet."""

    def __init__(self) -> None:
        self.rest = b""

    def line(self, send: bytes = b"") -> Generator[bytes, bytes, bytes]:
        """Send, then wait for one line and take it, without its end."""
        while b"\n" not in self.rest:
            self.rest += yield send
            send = b""
        found, _, self.rest = self.rest.partition(b"\n")
        return found.rstrip(b"\r")

    def octets(self, length: int, send: bytes = b"") -> Generator[bytes, bytes, bytes]:
        while len(self.rest) < length:
            self.rest += yield send
            send = b""
        found, self.rest = self.rest[:length], self.rest[length:]
        return found


def quote(octets: bytes) -> str:
    """What a server said, short and without control characters."""
    text = octets[:120].decode("utf-8", "replace")
    return "“" + "".join(c if c.isprintable() else "�" for c in text).strip() + "”"


def _expect(condition: bool, wanted: str, found: bytes) -> None:  # noqa: FBT001 - reads like assert
    if not condition:
        raise _RefusedError(f"{wanted}; the server said {quote(found)}")


def _smtp(stream: _Stream) -> Talk:
    greeting = yield from _smtp_reply(stream)
    _expect(greeting[-1].startswith(b"220"), "no SMTP greeting", greeting[-1])
    offers = yield from _smtp_reply(stream, b"EHLO certdash.invalid\r\n")
    _expect(offers[-1].startswith(b"250"), "EHLO was refused", offers[-1])
    if not any(offer[4:].strip().upper() == b"STARTTLS" for offer in offers):
        raise _RefusedError("STARTTLS is not offered")
    answer = yield from _smtp_reply(stream, b"STARTTLS\r\n")
    _expect(answer[-1].startswith(b"220"), "STARTTLS was refused", answer[-1])


def _smtp_reply(stream: _Stream, send: bytes = b"") -> Generator[bytes, bytes, list[bytes]]:
    """All lines of one reply: every line but the last has a hyphen after its code (RFC 5321, 4.2.1)."""
    lines = [(yield from stream.line(send))]
    while lines[-1][:3].isdigit() and lines[-1][3:4] == b"-":
        lines.append((yield from stream.line()))
    return lines


def _imap(stream: _Stream) -> Talk:
    greeting = yield from stream.line()
    _expect(greeting.upper().startswith(b"* OK"), "no IMAP greeting that lets us in", greeting)
    answer = yield from stream.line(b"a1 STARTTLS\r\n")
    while answer.startswith(b"*"):
        answer = yield from stream.line()
    _expect(answer.upper().startswith(b"A1 OK"), "STARTTLS was refused", answer)


def _pop3(stream: _Stream) -> Talk:
    greeting = yield from stream.line()
    _expect(greeting.startswith(b"+OK"), "no POP3 greeting", greeting)
    answer = yield from stream.line(b"STLS\r\n")
    _expect(answer.startswith(b"+OK"), "STLS was refused", answer)


def _ldap(stream: _Stream) -> Talk:
    head = yield from stream.octets(2, _LDAP_REQUEST)
    _expect(head[0] == 0x30, "no LDAP message", head)
    length = head[1]
    if length & 0x80:
        width = length & 0x7F
        _expect(width <= 4, "no LDAP message", head)
        length = int.from_bytes((yield from stream.octets(width)))
    _expect(8 <= length <= MAX_CLEAR_TEXT, "no LDAP message of a sensible length", head)
    body = yield from stream.octets(length)
    _expect(_ldap_result(body) == 0, "StartTLS was refused", body)


def _ldap_result(body: bytes) -> int | None:
    """The result code of an ExtendedResponse to message 1, None if it is anything else."""
    is_ours = body[:3] == b"\x02\x01\x01" and body[3] == _LDAP_EXTENDED_RESPONSE
    # Long form of the length: 0x80 + the number of octets that hold it.
    at = 5 + (body[4] & 0x7F if body[4] & 0x80 else 0)
    return body[at + 2] if is_ours and body[at : at + 2] == b"\x0a\x01" and len(body) > at + 2 else None


def _postgres(stream: _Stream) -> Talk:
    answer = yield from stream.octets(1, _POSTGRES_REQUEST)
    if answer == b"N":
        raise _RefusedError("the PostgreSQL server has TLS switched off")
    _expect(answer == b"S", "no PostgreSQL answer", answer + stream.rest)


_TALKS: dict[str, Callable[[_Stream], Talk]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ldap": _ldap,
    "postgres": _postgres,
}
