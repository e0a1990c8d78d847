"""One TCP connection: opens the socket through the egress policy and moves bytes between it and a ``Look``."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from dataclasses import dataclass

from certdash.lib import egress
from discovery.probe import Place, Reason, Unreachable
from discovery.probe.asking import Asking
from discovery.probe.look import Answer, Look
from inventory.addresses import pack

_READ = 16_384
_PAUSE = 0.1  # seconds before a socket is asked for again when we have none
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EADDRINUSE})
_REASONS = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.CONNECTION_RESET,
    errno.ECONNABORTED: Reason.CONNECTION_RESET,
    errno.ETIMEDOUT: Reason.SILENT,
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """Moments of the running loop's clock, in seconds: until when to connect, until when to be done with all."""

    connect: float
    all: float


async def converse(place: Place, policy: egress.Gate, asking: Asking, deadline: Deadline) -> Answer | Unreachable:
    """Ask once. The world's failure is the answer; nothing else is raised."""
    connection = await _open(place, policy, deadline)
    if isinstance(connection, Unreachable):
        return connection
    # Made after the connection: most addresses of a network never cost a TLS object.
    look = Look(place, asking)
    with connection:
        await _exchange(connection, look, deadline.all)
    if look.answer is None:
        raise RuntimeError("a conversation ended without an answer")
    return look.answer


async def _open(place: Place, policy: egress.Gate, deadline: Deadline) -> socket.socket | Unreachable:
    try:
        async with asyncio.timeout_at(deadline.connect):
            return await _connect_when_possible(policy, pack(place.address), place.port, deadline.connect)
    except egress.NotAllowedError as error:
        reason = Reason.EXCLUDED if error.refused.is_exclusion else Reason.NOT_ALLOWED
        return Unreachable(place, reason, error.refused.reason)
    except TimeoutError:
        return Unreachable(place, Reason.SILENT, "no answer to the connection attempt")
    except (OSError, OverflowError) as error:
        return Unreachable(place, *_why(error))


async def _connect_when_possible(policy: egress.Gate, packed: bytes, port: int, until: float) -> socket.socket:
    """Having no descriptor or port is our trouble: wait for one as long as there is time."""
    while True:
        try:
            return await egress.connect(policy, packed, port)
        except OSError as error:
            if error.errno not in _OURS or asyncio.get_running_loop().time() + 2 * _PAUSE > until:
                raise
        await asyncio.sleep(_PAUSE)


def _why(error: OSError | OverflowError) -> tuple[Reason, str]:
    number = error.errno if isinstance(error, OSError) else None
    # asyncio writes its own text with the address in it; the machine's is the same for every place.
    text = os.strerror(number) if number else str(error)
    if number in _OURS:
        return Reason.TOO_MANY_FILES, text
    return _REASONS.get(number or 0, Reason.UNROUTABLE), text


async def _exchange(connection: socket.socket, look: Look, until: float) -> None:
    try:
        async with asyncio.timeout_at(until):
            await _pump(connection, look)
    except TimeoutError:
        look.give_up(Reason.TIMED_OUT, "connected, but the answer did not come in time")
    except OSError as error:
        look.give_up(Reason.CONNECTION_RESET, error.strerror or str(error))


async def _pump(connection: socket.socket, look: Look) -> None:
    loop = asyncio.get_running_loop()
    to_send = look.opening()
    while True:
        if to_send:
            await loop.sock_sendall(connection, to_send)
        if look.answer is not None:
            return
        received = await loop.sock_recv(connection, _READ)
        if not received:
            look.end()
            return
        to_send = look.receive(received)
