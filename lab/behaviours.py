"""How a connection goes: the usual handshake, and the ways in which servers are silent, slow or wrong.

Each behaviour owns one connection and waits only for that one; `lab.servers` bounds its life.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable

from OpenSSL import SSL

from lab.contexts import Contexts
from lab.preludes import PRELUDES
from lab.sites import Site

_CHUNK = 16_384
_LINGER = 10  # seconds that a finished handshake waits for a request
_DRIP = 1.0  # seconds between two bytes
_PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nThis server is part of a lab.\n"
_NO_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks plain HTTP.\n"
)


class Connection:
    """One accepted connection and the site it came to."""

    def __init__(self, site: Site, contexts: Contexts, reader: StreamReader, writer: StreamWriter) -> None:
        self.site = site
        self.contexts = contexts
        self.reader = reader
        self.writer = writer

    async def serve(self) -> None:
        await BEHAVIOURS[self.site.behaviour](self)

    def begin(self) -> SSL.Connection:
        if self.site.tls is None:
            raise ValueError(f"{self.site.lines[0].kind} presents nothing")
        tls = SSL.Connection(self.contexts.of(self.site.tls), None)
        tls.set_accept_state()
        return tls

    async def feed(self, tls: SSL.Connection) -> bool:
        """What the client sent goes into TLS; false when it is gone."""
        data = await self.reader.read(_CHUNK)
        if data:
            tls.bio_write(data)
        return bool(data)


async def handshake(connection: Connection) -> None:
    await PRELUDES[connection.site.protocol](connection.reader, connection.writer)
    tls = connection.begin()
    while await connection.feed(tls):
        try:
            done = _advance(tls)
        finally:
            connection.writer.write(_pending(tls))
            await connection.writer.drain()
        if done:
            await _answer(connection, tls)
            return


async def drip(connection: Connection) -> None:
    """The true first flight, byte by byte."""
    tls = connection.begin()
    while not (flight := _pending(tls)):
        if not await connection.feed(tls):
            return
        _advance(tls)
    for byte in flight:
        connection.writer.write(bytes([byte]))
        await connection.writer.drain()
        await asyncio.sleep(_DRIP)


async def tarpit(connection: Connection) -> None:
    """Reads on and says nothing."""
    while await connection.reader.read(_CHUNK):
        continue


async def early_close(connection: Connection) -> None:
    """Hears the ClientHello and hangs up."""
    await connection.reader.read(_CHUNK)


async def http(connection: Connection) -> None:
    await connection.reader.read(_CHUNK)
    connection.writer.write(_NO_TLS)
    await connection.writer.drain()


async def ssh(connection: Connection) -> None:
    """RFC 4253, section 4.2: the server speaks first."""
    connection.writer.write(b"SSH-2.0-OpenSSH_9.9\r\n")
    await connection.writer.drain()
    await connection.reader.read(_CHUNK)


BEHAVIOURS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "handshake": handshake,
    "drip": drip,
    "tarpit": tarpit,
    "early_close": early_close,
    "http": http,
    "ssh": ssh,
}


def _advance(tls: SSL.Connection) -> bool:
    """One step of the handshake; true when it is done. A failure leaves its alert pending."""
    try:
        tls.do_handshake()
    except SSL.WantReadError:
        return False
    return True


def _pending(tls: SSL.Connection) -> bytes:
    """Everything that TLS wants to send."""
    parts = []
    try:
        while part := tls.bio_read(_CHUNK):
            parts.append(part)
    except SSL.WantReadError:
        return b"".join(parts)
    return b"".join(parts)


async def _answer(connection: Connection, tls: SSL.Connection) -> None:
    """A page for whoever asks after the handshake; then the polite end."""
    async with asyncio.timeout(_LINGER):
        while await connection.feed(tls):
            if _request(tls):
                tls.sendall(_PAGE)
                tls.shutdown()
                connection.writer.write(_pending(tls))
                return


def _request(tls: SSL.Connection) -> bytes:
    try:
        return tls.recv(_CHUNK)
    except SSL.WantReadError:
        return b""
