"""The whole lab on paper: which sites, where, with which certificates, before a port is opened."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle

from lab.recipes import RECIPES
from lab.scenes import SCENES, SIZES
from lab.sites import Site
from lab.workshop import Workshop

DEFAULT = 60
PORT_BASE = 20_000
KINDS = (*RECIPES, *SCENES)

# RSA keys take their time, and no two certificates may share one without being told: a large lab
# has a few of them and more of the others.
AT_MOST = {
    "rsa4096": 4,
    "rsa1024": 40,
    "tls10": 4,
    "tls11": 4,
    "client_certificate_tls10": 4,
    "dual": 8,
    "dual_half": 4,
}
_FILLER = "in_date"


@dataclass(frozen=True)
class Wanted:
    """endpoints: how many lines; 0: one site of each kind asked for, or DEFAULT when none is."""

    endpoints: int = 0
    seed: int = 0
    kinds: tuple[str, ...] = ()
    bind: str = "127.0.0.1"
    port_base: int = PORT_BASE


@dataclass(frozen=True)
class Estate:
    """groups: sites that stay together when ports are taken."""

    groups: tuple[tuple[Site, ...], ...]
    root_pem: str


def plan(wanted: Wanted, now: datetime) -> Estate:
    _check(wanted)
    workshop = Workshop(wanted.seed, now, wanted.bind, wanted.port_base)
    groups = _named(wanted, workshop) if wanted.kinds else _mix(wanted.endpoints, workshop)
    return Estate(tuple(groups), workshop.root.pem)


def make(kind: str, workshop: Workshop) -> tuple[Site, ...]:
    if kind in SCENES:
        return SCENES[kind](workshop, kind)
    return RECIPES[kind].cook(workshop, kind)


def _named(wanted: Wanted, workshop: Workshop) -> Iterator[tuple[Site, ...]]:
    """The kinds asked for in turn, each whole, until there are enough."""
    lines = 0
    for number, kind in enumerate(cycle(wanted.kinds), start=1):
        group = make(kind, workshop)
        lines += _lines(group)
        yield group
        if lines >= wanted.endpoints and number >= len(wanted.kinds):
            return


def _mix(endpoints: int, workshop: Workshop) -> Iterator[tuple[Site, ...]]:
    """Every kind in turn; exactly so many lines."""
    made: Counter[str] = Counter()
    kinds = cycle(KINDS)
    left = endpoints or DEFAULT
    while left:
        kind = next(kinds)
        if made[kind] == AT_MOST.get(kind) or SIZES.get(kind, 1) > left:
            kind = _FILLER
        made[kind] += 1
        group = make(kind, workshop)
        left -= _lines(group)
        yield group


def _lines(group: tuple[Site, ...]) -> int:
    return sum(len(site.lines) for site in group)


def _check(wanted: Wanted) -> None:
    unknown = set(wanted.kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"unknown kinds {sorted(unknown)}; known: {', '.join(KINDS)}")
    if wanted.endpoints < 0:
        raise ValueError("a lab has no negative number of endpoints")
    if not 0 < wanted.port_base < 50_000:
        raise ValueError(f"the port base {wanted.port_base} leaves no room for the ports above it")
    if not ipaddress.IPv4Address(wanted.bind).is_loopback:
        raise ValueError(f"{wanted.bind} is not in 127.0.0.0/8")
