"""What a scan asks, as the frozen JSON of its row, and as places again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypedDict

from discovery.addresses import (
    AddressError,
    Plan,
    Problem,
    Target,
    Targets,
    parse_exclusions,
    parse_host_name,
    parse_ports,
    parse_targets,
)
from discovery.models import Scan, Source
from discovery.probe import Place
from inventory.services import SeenBy

PLACES_AT_MOST = 4_000_000
# A shard of a list is small, so that its page moves; one of a sweep is large, because most of its places cost nothing
# but waiting, and all of them wait at the same time.
SMALL_SHARD, LARGE_SHARD, LARGE_FROM = 256, 1024, 4096


class ScanRefusedError(ValueError):
    """Nothing was started. ``problems`` say for each item why, and what to do instead."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person, a source or a command wants to be looked at, as typed."""

    targets: str
    ports: str = "443"
    exclusions: str = ""
    server_names: str = ""
    rate_limit: int = 500
    schedule: timedelta | None = None
    engine: str = Source.Engine.OWN

    @classmethod
    def of_source(cls, source: Source) -> Ask:
        return cls(
            targets=source.targets,
            ports=source.ports,
            exclusions=source.exclusions,
            server_names=source.server_names,
            rate_limit=source.rate_limit,
            schedule=timedelta(seconds=source.every_seconds),
            engine=source.engine,
        )


@dataclass(frozen=True, slots=True)
class Read:
    """What was typed, read. ``left_out`` are packed bounds that are never asked, whatever the targets say."""

    targets: Targets
    exclusions: Targets
    ports: tuple[int, ...]
    server_names: tuple[str, ...]
    left_out: tuple[tuple[bytes, bytes], ...] = field(default=())

    def plan(self) -> Plan:
        holes = tuple(Target(first=first, last=last) for first, last in self.left_out)
        return Plan.of(self.targets, self.ports, Targets((*self.exclusions.items, *holes)), self.server_names)


def read_ask(
    ask: Ask,
    left_out: Sequence[tuple[bytes, bytes]] = (),
    refused: Callable[[Targets], Sequence[Problem]] = lambda _targets: (),
) -> Read:
    """Read what was typed; raises ScanRefusedError with every item that cannot be read, or is ``refused``."""
    targets, exclusions = parse_targets(ask.targets), parse_exclusions(ask.exclusions)
    problems = sorted([*targets.problems, *refused(targets)], key=lambda problem: problem.line)
    problems += exclusions.problems
    ports = _tried(problems, ask.ports, parse_ports)
    names = [_tried(problems, name, parse_host_name) for name in ask.server_names.replace(",", " ").split()]
    if not targets.items and not problems:
        problems.append(Problem(1, "", "names no place", "write a host name, an address or a network"))
    if problems:
        raise ScanRefusedError(problems)
    return Read(targets, exclusions, ports or (), tuple(name for name in names if name), tuple(left_out))


def _tried(problems: list[Problem], text: str, parse: Any) -> Any:
    try:
        return parse(text)
    except AddressError as error:
        problems.append(Problem(0, text[:80], error.reason, error.instead))
        return None


def require_size(plan: Plan) -> None:
    """Refuse what is nothing, and what no run could end."""
    if plan.size == 0:
        raise ScanRefusedError([Problem(1, "", "leaves nothing to ask: everything is excluded", "exclude less")])
    if plan.size > PLACES_AT_MOST:
        instead = f"scan at most {PLACES_AT_MOST:,} at once"
        raise ScanRefusedError([Problem(1, "", f"is {plan.size:,} places (addresses × ports × names)", instead)])


class Frozen(TypedDict, total=False):
    """The JSON of ``Scan.plan``. ``places`` instead of the rest where known endpoints are asked again."""

    targets: str
    exclusions: str
    ports: str
    server_names: str
    left_out: list[list[str]]
    rate_limit: int
    schedule_seconds: int | None
    seed: int
    # Kind and name of the source when the scan was started: a source may be renamed while it runs.
    seen_by: list[str]
    places: list[list[Any]]


def freeze(ask: Ask, read: Read, seed: int, source: Source | None = None) -> Frozen:
    frozen: Frozen = {
        "targets": ask.targets,
        "exclusions": ask.exclusions,
        "ports": ask.ports,
        "server_names": ask.server_names,
        "left_out": [[first.hex(), last.hex()] for first, last in read.left_out],
        "rate_limit": ask.rate_limit,
        "schedule_seconds": int(ask.schedule.total_seconds()) if ask.schedule else None,
        "seed": seed,
    }
    return {**frozen, "seen_by": [source.kind, source.name]} if source else frozen


def seen_by(scan: Scan) -> SeenBy:
    """Who a scan's sightings are of, from its first place to its end."""
    if "seen_by" in scan.plan:
        return SeenBy(*scan.plan["seen_by"])
    if scan.source is not None:
        return SeenBy(scan.source.kind, scan.source.name)
    return SeenBy(str(scan.kind), "asked once")


def thaw(frozen: Mapping[str, Any]) -> Read:
    bounds = [(bytes.fromhex(first), bytes.fromhex(last)) for first, last in frozen["left_out"]]
    names = ("targets", "ports", "exclusions", "server_names")
    return read_ask(Ask(**{name: frozen[name] for name in names}), bounds)


@dataclass(frozen=True)
class Asked:
    """The places of one scan, by number, and which of them a person named."""

    plan: Plan | None
    seed: int
    listed: tuple[Place, ...]
    named: frozenset[tuple[str, int]]

    def places(self, first: int, last: int) -> Iterator[Place]:
        if self.plan is None:
            yield from self.listed[first:last]
        else:
            yield from (Place(*ask) for ask in self.plan.places(seed=self.seed, start=first, stop=last))

    def was_named(self, place: Place) -> bool:
        """Names count by the server name that was asked for, because a name's place carries its address."""
        if self.plan is None:
            return True
        return (place.address, place.port) in self.named or (place.server_name, place.port) in self.named


@lru_cache(maxsize=4)
def _asked_of(plan: str) -> Asked:
    frozen = json.loads(plan)
    if "places" in frozen:
        return Asked(None, 0, tuple(Place(*place) for place in frozen["places"]), frozenset())
    read = thaw(frozen)
    return Asked(read.plan(), frozen["seed"], (), frozenset(_named(read)))


def asked_of(scan: Scan) -> Asked:
    """Read the frozen plan, which never changes, once per process for the many shards of a scan."""
    return _asked_of(json.dumps(scan.plan))


def _named(read: Read) -> Iterator[tuple[str, int]]:
    """Where somebody meant one host and one port. The addresses of a range, and many ports of one host, are swept."""
    for target in read.targets.items:
        port = target.port or (read.ports[0] if len(read.ports) == 1 else 0)
        if target.size == 1 and port:
            yield str(target), port


def shard_bounds(size: int) -> Iterator[tuple[int, int]]:
    step = LARGE_SHARD if size > LARGE_FROM else SMALL_SHARD
    return ((first, min(first + step, size)) for first in range(0, size, step))
