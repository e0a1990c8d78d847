"""The engine of our own: one event loop asks hundreds of places at once. ``discovery.engines`` says how to call it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict, Unpack

from certdash.lib.egress import Gate
from discovery import starttls
from discovery.engines.connection import Deadline, converse
from discovery.engines.delivery import OnResult, Outbox, ShouldStop, deliver
from discovery.engines.lookup import MAX_ADDRESSES, Lookup, Resolve, is_address, left_out, system_resolve
from discovery.probe import HandshakeFailed, Place, ProbeResult, Reason, Served, ServedVariant, Unreachable
from discovery.probe.asking import Asking, other_key
from discovery.probe.look import Answer, Failed, Sent

MAX_SERVER_NAME = 253
# After these a server may still answer somebody who speaks TLS 1.2 in few words.
_WORTH_A_SECOND_TRY = frozenset({Reason.CONNECTION_RESET, Reason.CLOSED_EARLY, Reason.TLS_ALERT, Reason.PROTOCOL_ERROR})


@dataclass(frozen=True, slots=True)
class Limits:
    """How a run behaves; times in seconds, ``rate`` in connections per second."""

    parallel: int = 500
    rate: float | None = None
    timeout: float = 10.0
    connect_timeout: float = 3.0
    variants: bool = True
    resolve: Resolve = system_resolve


class LimitOptions(TypedDict, total=False):
    """The fields of ``Limits`` as keyword arguments."""

    parallel: int
    rate: float | None
    timeout: float
    connect_timeout: float
    variants: bool
    resolve: Resolve


def never() -> bool:
    return False


def probe_many(
    places: Iterable[Place],
    policy: Gate,
    *,
    on_result: OnResult,
    should_stop: ShouldStop = never,
    **limits: Unpack[LimitOptions],
) -> None:
    """Ask every place; results come in the calling thread, as they arrive."""
    chosen = Limits(**limits)
    deliver(lambda outbox: Run(iter(places), policy, chosen, outbox).conduct(), on_result, should_stop)


def probe_one(place: Place, policy: Gate, **limits: Unpack[LimitOptions]) -> ProbeResult:
    """Ask one place now; of several addresses of a name, one that served if any did."""
    results: list[ProbeResult] = []
    probe_many([place], policy, on_result=results.append, **limits)
    return next((result for result in results if isinstance(result, Served)), results[0])


class Run:
    """One call of ``probe_many``, inside the loop."""

    def __init__(self, places: Iterator[Place], policy: Gate, limits: Limits, outbox: Outbox) -> None:
        self._places = places
        self._policy = policy
        self._limits = limits
        self._outbox = outbox
        self._lookup = Lookup(limits.resolve)
        self._found: deque[tuple[Place, float]] = deque()  # addresses of names, with the seconds their lookup took
        self._active = 0
        self._changed = asyncio.Event()
        self._next_turn = 0.0

    async def conduct(self) -> None:
        """Keep ``parallel`` places under way until there is none left."""
        try:
            async with asyncio.TaskGroup() as group:
                while job := await self._next_job():
                    group.create_task(self._do(*job))
        except ExceptionGroup as group_of_ours:
            raise group_of_ours.exceptions[0] from None
        finally:
            self._lookup.close()

    async def _next_job(self) -> tuple[Place, float] | None:
        await self._outbox.room()
        while True:
            self._changed.clear()
            if self._active < self._limits.parallel and (job := self._take()):
                self._active += 1
                return job
            if not self._active:
                return None
            await self._changed.wait()

    def _take(self) -> tuple[Place, float] | None:
        if self._found:
            return self._found.popleft()
        place = next(self._places, None)
        return None if place is None else (place, 0.0)

    async def _do(self, place: Place, spent: float) -> None:
        try:
            if is_address(place.address):
                self._outbox.put(await self._ask(place, spent))
            else:
                await self._look_up(place)
        finally:
            self._active -= 1
            self._changed.set()

    async def _look_up(self, place: Place) -> None:
        async with self._lookup.turn:
            start = _now()
            found = await self._lookup.places(place, start + self._limits.timeout)
            spent = _now() - start
        if isinstance(found, Unreachable):
            self._outbox.put(found)
            return
        self._found.extend((at_address, spent) for at_address in found[:MAX_ADDRESSES])
        for result in left_out(found):
            self._outbox.put(result)

    async def _ask(self, place: Place, spent: float) -> ProbeResult:
        if complaint := _complaint(place):
            return HandshakeFailed(place, Reason.PROTOCOL_ERROR, complaint)
        await self._turn()
        until = _now() - spent + self._limits.timeout
        answer = await self._converse(place, Asking.DEFAULT, until)
        if isinstance(answer, Failed) and answer.reason in _WORTH_A_SECOND_TRY:
            answer = await self._ask_simply(place, answer, until)
        if isinstance(answer, Unreachable):
            return answer
        if isinstance(answer, Failed):
            return HandshakeFailed(place, answer.reason, answer.detail)
        others = await self._other_variant(place, answer, until) if self._limits.variants else ()
        return Served(place, (answer.variant, *others), answer.detail)

    async def _ask_simply(self, place: Place, first: Failed, until: float) -> Answer:
        until += await self._turn()
        second = await self._converse(place, Asking.OLD, until)
        return second if isinstance(second, Sent) else first

    async def _other_variant(self, place: Place, first: Sent, until: float) -> tuple[ServedVariant, ...]:
        """The certificate of the other key type, if the server has one."""
        asking = other_key(first.variant.chain[0])
        if asking is None:
            return ()
        until += await self._turn()
        second = await self._converse(place, asking, until)
        is_other = isinstance(second, Sent) and second.variant.chain[0] != first.variant.chain[0]
        return (second.variant,) if isinstance(second, Sent) and is_other else ()

    async def _converse(self, place: Place, asking: Asking, until: float) -> Answer | Unreachable:
        connect_until = min(until, _now() + self._limits.connect_timeout)
        return await converse(place, self._policy, asking, Deadline(connect_until, until))

    async def _turn(self) -> float:
        """Wait until the rate lets one more connection begin; return the seconds waited."""
        if not self._limits.rate:
            return 0.0
        now = _now()
        turn = max(now, self._next_turn)
        self._next_turn = turn + 1 / self._limits.rate
        await asyncio.sleep(turn - now)
        return turn - now


def _now() -> float:
    return asyncio.get_running_loop().time()


def _complaint(place: Place) -> str:
    """Why this place cannot be asked at all, whatever the server says."""
    if place.protocol != "tls" and not starttls.is_known(place.protocol):
        return "there is no such protocol"
    if not place.server_name.isascii() or len(place.server_name) > MAX_SERVER_NAME:
        return "the server name is not a host name in ASCII"
    return ""
