"""Names become addresses, in threads that never make the event loop wait."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

from discovery.addresses import AddressError, parse_host_name
from discovery.probe import Place, Reason, Unreachable
from inventory.addresses import pack, unpack

# Host name → addresses as text. Raises OSError.
Resolve: TypeAlias = Callable[[str], Sequence[str]]

AT_ONCE = 32
# A thread whose name was given up goes on until the resolver is: others must not wait for it.
_THREADS = 4 * AT_ONCE
# Of one name: more are told, not asked. Whoever answers for a name could otherwise send us to thousands of places.
MAX_ADDRESSES = 256
_NOT_FOUND = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def system_resolve(name: str) -> list[str]:
    """All addresses of a name as the machine finds them: hosts file, search list, DNS."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def is_address(text: str) -> bool:
    try:
        pack(text)
    except ValueError:
        return False
    return True


class Lookup:
    """Looks names up for one run. ``close`` does not wait for a resolver that hangs."""

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        # Entered before the time of a name begins: a name that waits for its turn has not been asked.
        self.turn = asyncio.Semaphore(AT_ONCE)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="lookup")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def places(self, place: Place, until: float) -> list[Place] | Unreachable:
        """The same place at each address of its host name, asked for by that name if no other was given.

        They come in the order of their numbers, so that of too many the same ones are asked each time.
        """
        try:
            name = parse_host_name(place.address)
            async with asyncio.timeout_at(until):
                found = await asyncio.get_running_loop().run_in_executor(self._pool, self._resolve, name)
        except AddressError as error:
            return Unreachable(place, Reason.NAME_NOT_FOUND, str(error))
        except TimeoutError:
            return Unreachable(place, Reason.NAME_LOOKUP_FAILED, "the name was not looked up in time")
        except (OSError, UnicodeError) as error:
            is_known = isinstance(error, socket.gaierror) and error.errno in _NOT_FOUND
            return Unreachable(place, Reason.NAME_NOT_FOUND if is_known else Reason.NAME_LOOKUP_FAILED, _text(error))
        server_name = place.server_name or name
        addresses = sorted({pack(text) for text in found if is_address(text)})
        if not addresses:
            return Unreachable(place, Reason.NAME_NOT_FOUND, "the name has no usable address")
        return [replace(place, address=unpack(packed), server_name=server_name, of=place) for packed in addresses]


def left_out(places: Sequence[Place]) -> list[Unreachable]:
    """Say of each address of a name that has too many of them that it is not asked."""
    text = f"the name has {len(places)} addresses, of which {MAX_ADDRESSES} are asked"
    return [Unreachable(place, Reason.TOO_MANY_ADDRESSES, text) for place in places[MAX_ADDRESSES:]]


def _text(error: OSError | UnicodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
