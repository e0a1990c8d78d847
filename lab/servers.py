"""Real TLS servers on loopback, thousands in one thread: one event loop, one socket for each site."""

import asyncio
import contextlib
import errno
import socket
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from OpenSSL import SSL

from lab import estate
from lab.behaviours import Connection
from lab.contexts import Contexts
from lab.manifest import Manifest
from lab.preludes import RefusedError
from lab.sites import Site

_BACKLOG = 128
_LONGEST = 600  # seconds that the slowest connection may live
_PORTS = 65_536
_PORT_STEP = 32  # how far a taken port moves on
_ENDS = (RefusedError, SSL.Error, OSError, EOFError, ValueError, TimeoutError)  # a client did what clients do


class Servers:
    """Sockets that listen from the moment of creation; `run` answers on them until `stop`."""

    def __init__(self, plan: estate.Estate) -> None:
        self._contexts = Contexts()
        self._open: list[tuple[socket.socket, Site]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        try:
            for group in plan.groups:
                self._open.extend(_listen(group))
        except OSError:
            self.close()
            raise
        lines = tuple(line for _, site in self._open for line in site.lines)
        self.manifest = Manifest(lines, plan.root_pem)

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        servers = [await self._start(listener, site) for listener, site in self._open]
        started()
        await self._ended.wait()
        for server in servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the turn in which transports close their sockets

    def stop(self) -> None:
        """Call it inside the loop: from a signal handler or `call_soon_threadsafe`."""
        self._ended.set()

    def close(self) -> None:
        for listener, _ in self._open:
            listener.close()

    async def _start(self, listener: socket.socket, site: Site) -> asyncio.Server:
        def accept(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.create_task(self._serve(site, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return await asyncio.start_server(accept, sock=listener, backlog=_BACKLOG)

    async def _serve(self, site: Site, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with contextlib.suppress(*_ENDS):
                async with asyncio.timeout(_LONGEST):
                    await Connection(site, self._contexts, reader, writer).serve()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()


@contextlib.contextmanager
def running(
    *,
    endpoints: int = 0,
    seed: int = 0,
    kinds: Sequence[str] = (),
    now: datetime | None = None,
    bind: str = "127.0.0.1",
    port_base: int = estate.PORT_BASE,
) -> Iterator[Manifest]:
    """The lab in a thread of this process; all of it is gone when the block ends.

    endpoints, kinds: as in `estate.Wanted`; kinds alone give one site of each.
    """
    wanted = estate.Wanted(endpoints, seed, tuple(kinds), bind, port_base)
    servers = Servers(estate.plan(wanted, now or datetime.now(UTC)))
    started = threading.Event()
    with contextlib.closing(servers), asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=runner.run, args=[servers.run(started.set)], name="lab")
        thread.start()
        try:
            started.wait()
            yield servers.manifest
        finally:
            loop.call_soon_threadsafe(servers.stop)
            thread.join()


def _listen(group: Sequence[Site]) -> list[tuple[socket.socket, Site]]:
    """Sockets for sites that stay on one port together; taken ports move on."""
    for moved in range(0, _PORTS - max(site.port for site in group), _PORT_STEP):
        sites = [_moved(site, moved) for site in group]
        with contextlib.ExitStack() as stack:
            try:
                listeners = [stack.enter_context(_socket(site)) for site in sites]
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            stack.pop_all()
            return list(zip(listeners, sites, strict=True))
    raise OSError(errno.EADDRINUSE, f"no free port from {group[0].port} on")


def _moved(site: Site, ports: int) -> Site:
    return replace(site, lines=tuple(replace(line, port=line.port + ports) for line in site.lines))


def _socket(site: Site) -> socket.socket:
    """It listens at once: two sockets that only bind may share a port."""
    listener = socket.socket(socket.AF_INET6 if ":" in site.address else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((site.address, site.port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
