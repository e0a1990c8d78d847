"""Between the event loop and its caller: the loop runs in a thread, results arrive in the thread that asked.

The caller may use the database, which must not be touched inside an event loop, and may be slow without making the
loop late: a late loop would call places silent that are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from time import monotonic
from typing import Any, TypeAlias

from discovery.probe import ProbeResult

MAX_UNDELIVERED = 2_000
_POLL = 0.1  # seconds between looks at the stop sign
_ASK = 0.5  # seconds between questions to the caller whether to stop

OnResult: TypeAlias = Callable[[ProbeResult], None]
ShouldStop: TypeAlias = Callable[[], bool]


class Outbox:
    """Results on their way to the caller; ``put`` never waits, ``room`` does while the caller is slow."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[ProbeResult | None] = SimpleQueue()

    def put(self, result: ProbeResult) -> None:
        self._queue.put(result)

    async def room(self) -> None:
        while self._queue.qsize() > MAX_UNDELIVERED:
            await asyncio.sleep(_POLL / 10)

    def close(self) -> None:
        self._queue.put(None)

    def hand_over(self, on_result: OnResult, should_stop: ShouldStop, stop: Callable[[], None]) -> None:
        """Call ``on_result`` with each result until the box is closed, asking in between whether to stop."""
        ask_at = monotonic()
        while True:
            if monotonic() >= ask_at:
                ask_at = monotonic() + _ASK
                if should_stop():
                    stop()
            try:
                result = self._queue.get(timeout=_POLL)
            except Empty:
                continue
            if result is None:
                return
            on_result(result)


def deliver(
    conduct: Callable[[Outbox], Coroutine[Any, Any, None]], on_result: OnResult, should_stop: ShouldStop
) -> None:
    """Run ``conduct`` in a loop of its own; what it raises, or ``on_result`` raises, is raised here."""
    outbox, stopped = Outbox(), Event()
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as pool:
        running = pool.submit(lambda: asyncio.run(_guard(conduct(outbox), stopped)))
        running.add_done_callback(lambda _: outbox.close())
        try:
            outbox.hand_over(on_result, should_stop, stopped.set)
        finally:
            stopped.set()
    running.result()


async def _guard(conduct: Coroutine[Any, Any, None], stopped: Event) -> None:
    task = asyncio.create_task(conduct)
    while not task.done():
        await asyncio.wait({task}, timeout=_POLL)
        if stopped.is_set():
            task.cancel()
    if not task.cancelled():
        task.result()
