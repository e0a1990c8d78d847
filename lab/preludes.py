"""What a server says before TLS begins: STARTTLS in five protocols."""

from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable

from lab import der

_MOST_COMMANDS = 20
_SSL_REQUEST, _GSSENC_REQUEST = 80877103, 80877104  # PostgreSQL, protocol 3, message formats
_LDAP_STARTTLS = b"1.3.6.1.4.1.1466.20037"  # RFC 4511, section 4.14.1
_LDAP_EXTENDED, _LDAP_EXTENDED_RESPONSE = 0x77, 0x78
_BYE = b"LOGOUT", b"QUIT"


class RefusedError(Exception):
    """The client went away or never asked for TLS."""


async def smtp(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 3207."""
    replies = {
        b"EHLO": b"250-lab.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
        b"HELO": b"250 lab.example\r\n",
        b"NOOP": b"250 2.0.0 OK\r\n",
        b"QUIT": b"221 2.0.0 Bye\r\n",
    }
    writer.write(b"220 lab.example ESMTP\r\n")
    for _ in range(_MOST_COMMANDS):
        verb = (await _words(reader))[0].upper()
        if verb == b"STARTTLS":
            return writer.write(b"220 2.0.0 Ready to start TLS\r\n")
        writer.write(replies.get(verb, b"530 5.7.0 Must issue a STARTTLS command first\r\n"))
        _stop_at(verb)
    raise RefusedError


async def imap(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 9051, section 6.2.1."""
    capability = b"CAPABILITY IMAP4rev2 STARTTLS LOGINDISABLED"
    replies = {b"CAPABILITY": b"* " + capability + b"\r\n", b"LOGOUT": b"* BYE\r\n", b"NOOP": b""}
    writer.write(b"* OK [" + capability + b"] lab.example ready\r\n")
    for _ in range(_MOST_COMMANDS):
        tag, verb, *_rest = [*await _words(reader), b""]
        verb = verb.upper()
        if verb == b"STARTTLS":
            return writer.write(tag + b" OK Begin TLS negotiation now\r\n")
        known = verb in replies
        writer.write(replies.get(verb, b"") + tag + (b" OK done\r\n" if known else b" BAD\r\n"))
        _stop_at(verb)
    raise RefusedError


async def pop3(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 2595, section 4."""
    replies = {b"CAPA": b"+OK\r\nSTLS\r\nUSER\r\nUIDL\r\n.\r\n", b"QUIT": b"+OK bye\r\n"}
    writer.write(b"+OK lab.example POP3 ready\r\n")
    for _ in range(_MOST_COMMANDS):
        verb = (await _words(reader))[0].upper()
        if verb == b"STLS":
            return writer.write(b"+OK Begin TLS negotiation\r\n")
        writer.write(replies.get(verb, b"-ERR TLS first\r\n"))
        _stop_at(verb)
    raise RefusedError


async def ldap(reader: StreamReader, writer: StreamWriter) -> None:
    """RFC 4511, section 4.14: StartTLS is an extended request."""
    number, operation = _two(await _ber(reader))
    if operation[0] != _LDAP_EXTENDED or _LDAP_STARTTLS not in operation:
        raise RefusedError
    done = der.wrap(0x0A, b"\0") + der.wrap(0x04, b"") + der.wrap(0x04, b"")
    response = der.wrap(_LDAP_EXTENDED_RESPONSE, done + der.wrap(0x8A, _LDAP_STARTTLS))
    writer.write(der.wrap(der.SEQUENCE, number + response))


async def postgres(reader: StreamReader, writer: StreamWriter) -> None:
    """SSLRequest is answered by one byte (PostgreSQL, section "SSL Session Encryption")."""
    for _ in range(_MOST_COMMANDS):
        code = int.from_bytes((await reader.readexactly(8))[4:], "big")
        if code == _SSL_REQUEST:
            return writer.write(b"S")
        if code != _GSSENC_REQUEST:
            break
        writer.write(b"N")
    fields = b"SFATAL\0VFATAL\0C28000\0Mencryption required\0\0"
    writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
    raise RefusedError


async def none(_reader: StreamReader, _writer: StreamWriter) -> None:
    """TLS from the first byte."""


PRELUDES: dict[str, Callable[[StreamReader, StreamWriter], Awaitable[None]]] = {
    "tls": none,
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "ldap": ldap,
    "postgres": postgres,
}


async def _words(reader: StreamReader) -> list[bytes]:
    """The next line, split."""
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise RefusedError
    return line.split() or [b""]


def _stop_at(verb: bytes) -> None:
    if verb in _BYE:
        raise RefusedError


async def _ber(reader: StreamReader) -> bytes:
    """One BER element of definite length, as LDAP sends them."""
    head = await reader.readexactly(2)
    size = head[1]
    if size & 0x80:
        more = await reader.readexactly(size & 0x7F)
        head, size = head + more, int.from_bytes(more, "big")
    if size > 4096:
        raise RefusedError
    return head + await reader.readexactly(size)


def _two(message: bytes) -> tuple[bytes, bytes]:
    """Number and operation of an LDAP message."""
    try:
        number, operation = der.children(message)[:2]
    except (IndexError, ValueError) as error:
        raise RefusedError from error
    return number, operation
