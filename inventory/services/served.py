"""Pointers to what each endpoint serves now, one per kind of client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from inventory.models import Endpoint, ServedChain
from inventory.services.writing import among, insert, write

State = ServedChain.State
Chains: TypeAlias = Mapping[str, tuple[int, int]]
_WRITTEN = ("chain_id", "certificate_id", "state", "since", "observed_at")
# Endpoint, variant, chain, certificate: what a new pointer is told.
Made: TypeAlias = tuple[int, str, int, int]


@dataclass(slots=True)
class Moves:
    """What one batch does to the pointers, and what it concerns."""

    now: datetime
    same: list[int] = field(default_factory=list)
    moved: list[ServedChain] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    dropped: list[ServedChain] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    # Certificates (former, later) of which an endpoint served one and now serves the other instead.
    changed: set[tuple[int, int]] = field(default_factory=set)

    @property
    def endpoints(self) -> set[int]:
        """Endpoints whose pointers moved."""
        moved = {pointer.endpoint_id for pointer in (*self.moved, *self.dropped)}
        return moved | {endpoint for endpoint, _, _, _ in self.made}

    @property
    def certificates(self) -> set[int]:
        """Every certificate that a pointer came from or went to."""
        moved = {pointer.certificate_id for pointer in (*self.moved, *self.dropped)}
        return self.left | moved | {leaf for _, _, _, leaf in self.made}

    def serve(self, endpoint: Endpoint, variant: str, chains: Chains, pointer: ServedChain | None) -> None:
        chain, leaf = chains[variant]
        if pointer is None:
            self.made.append((endpoint.pk, variant, chain, leaf))
        elif pointer.chain_id == chain and pointer.state == State.SERVED:
            self.same.append(pointer.pk)
        else:
            self.left.add(pointer.certificate_id)
            self.changed.add((pointer.certificate_id, leaf))
            self.moved.append(pointer)
            pointer.chain_id, pointer.certificate_id = chain, leaf
            pointer.state, pointer.since, pointer.observed_at = State.SERVED, self.now, self.now

    def miss(self, pointer: ServedChain) -> None:
        """Nothing was served to this kind of client: what was is last known."""
        if pointer.state == State.SERVED:
            pointer.state, pointer.since = State.LAST_KNOWN, self.now
            self.moved.append(pointer)

    def miss_variant(self, pointer: ServedChain, schedule: timedelta) -> None:
        """The place answers, but not for this kind of key: once may be chance, for two looks in a row it is not."""
        if pointer.state == State.LAST_KNOWN and self.now - pointer.since >= 2 * schedule:
            self.dropped.append(pointer)
        else:
            self.miss(pointer)

    def write(self) -> None:
        if self.same:
            ServedChain.objects.filter(among("pk", self.same)).update(observed_at=self.now)
        if self.dropped:
            ServedChain.objects.filter(pk__in=[pointer.pk for pointer in self.dropped]).delete()
        write(self.moved, _WRITTEN)
        begun = (State.SERVED.value, self.now, self.now)
        insert(ServedChain, ("endpoint_id", "variant", *_WRITTEN), ((*made, *begun) for made in self.made))


def keep_served(looks: Sequence[tuple[Endpoint, Chains]], now: datetime) -> Moves:
    """Move the pointers of a batch of endpoints; no chains mean that the endpoint served nothing."""
    pointers: dict[int, dict[str, ServedChain]] = defaultdict(dict)
    for pointer in ServedChain.objects.filter(among("endpoint_id", [endpoint.pk for endpoint, _ in looks])):
        pointers[pointer.endpoint_id][pointer.variant] = pointer
    moves = Moves(now)
    for endpoint, chains in looks:
        known = pointers[endpoint.pk]
        for variant in chains:
            moves.serve(endpoint, variant, chains, known.get(variant))
        for variant in known.keys() - chains.keys():
            if chains:
                moves.miss_variant(known[variant], timedelta(seconds=endpoint.schedule_seconds))
            else:
                moves.miss(known[variant])
    moves.write()
    return moves
