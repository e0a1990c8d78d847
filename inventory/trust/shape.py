"""What is odd about a chain as sent, whatever the time and whoever is trusted (RFC 8446, 4.4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.trust.path import best_way
from inventory.trust.stores import TrustStore
from inventory.trust.walk import Given, Positions, TooTangledError, Walk


@dataclass(frozen=True, slots=True)
class Superfluous:
    """A certificate that was sent and helps nobody: where it stands, and why."""

    position: int
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a chain; positions count from 0, the leaf.

    Attributes:
        path_positions: the longest way up through what was sent, leaf first.
        misplaced: positions of that way that are not where they belong.
        superfluous: certificates from which nothing on a way up was issued, and repeated ones.
        root_sent: where the self-signed root was sent, which is needless but no fault; else None.
        missing: the issuer that is neither sent nor an anchor of the stores; "" if none is.
        judged: False if the leaf could not be read or the chain is too tangled; then the rest
            says nothing.

    """

    path_positions: Positions
    misplaced: Positions
    superfluous: tuple[Superfluous, ...]
    root_sent: int | None
    missing: str
    judged: bool

    @property
    def order_ok(self) -> bool:
        return not self.misplaced


_UNKNOWN = Shape((), (), (), None, "", judged=False)


def chain_shape(chain: Sequence[Given], stores: Sequence[TrustStore] = ()) -> Shape:
    """Look at the form alone; without stores a root that was rightly not sent counts as missing."""
    walk = Walk(chain, stores)
    if not walk.sent or walk.sent[0] is None:
        return _UNKNOWN
    try:
        return _shape(walk)
    except TooTangledError:
        return _UNKNOWN


def _shape(walk: Walk) -> Shape:
    paths = walk.paths()
    way = max(paths, key=lambda path: (len(path), list(path) == sorted(path)))
    reachable = {at for path in paths for at in path}
    top = way[-1]
    return Shape(
        path_positions=way,
        misplaced=tuple(at for at, right in zip(way, sorted(way), strict=True) if at != right),
        superfluous=_superfluous(walk, reachable),
        root_sent=top if len(way) > 1 and walk[top].is_self_signed else None,
        missing=_missing(walk),
        judged=True,
    )


def _missing(walk: Walk) -> str:
    last = walk[best_way(walk)[-1]]
    return "" if walk.routes() or last.is_self_signed else last.issuer_label


def _superfluous(walk: Walk, reachable: set[int]) -> tuple[Superfluous, ...]:
    found = []
    for at, certificate in enumerate(walk.sent):
        if certificate is None:
            found.append(Superfluous(at, "", "it could not be read"))
        elif at in walk.repeated:
            found.append(Superfluous(at, certificate.name, "it was sent before"))
        elif at not in reachable:
            found.append(Superfluous(at, certificate.name, "nothing on the path was issued by it"))
    return tuple(found)
