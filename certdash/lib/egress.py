"""The one way out: which addresses may be connected to, asked at the moment in which the socket is opened.

Addresses are 16 packed bytes (IPv4 mapped into IPv6), so that what was checked is what is connected to: between the
check and the connection there is no text, no name and no second lookup.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol, TypeAlias

Interval: TypeAlias = tuple[bytes, bytes]
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# A policy that changes is read every second.
STALE_SECONDS = 30.0
_V4_PREFIX = bytes(10) + b"\xff\xff"
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "fd00:ec2::254")
)
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
# IPv6 networks whose addresses carry an IPv4 address, with the number of bits to the right of it:
# 6to4 (RFC 3056), NAT64 (RFC 6052, RFC 8215), IPv4-compatible (RFC 4291, 2.5.5.1) and IPv4-translated (RFC 2765).
_EMBEDDING = (
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
)
_NO_V4 = frozenset({ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")})


@dataclass(frozen=True, slots=True)
class Allowed:
    """The address may be connected to."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Refused:
    """The address may not be connected to; ``reason`` is a sentence for people."""

    reason: str
    is_exclusion: bool = False

    def __bool__(self) -> bool:
        return False


class NotAllowedError(Exception):
    """A socket was about to be opened to an address that the policy refuses."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


class Gate(Protocol):
    """Whoever decides where connections may go; asked for every socket."""

    def check(self, packed: bytes) -> Allowed | Refused: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """Where connections for one purpose may go. Intervals are pairs of packed bounds, both inclusive.

    An exclusion always wins. Loopback, link-local, metadata, multicast and unspecified addresses, in whatever form they
    are written, are refused unless ``special`` names them: being inside ``allowed`` does not do. ``public`` allows the
    whole of the public internet as well, for purposes other than probing.
    """

    purpose: str
    allowed: tuple[Interval, ...] = ()
    excluded: tuple[Interval, ...] = ()
    special: tuple[Interval, ...] = ()
    public: bool = False
    _allowed: _Intervals = field(init=False, repr=False, compare=False)
    _excluded: _Intervals = field(init=False, repr=False, compare=False)
    _special: _Intervals = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("allowed", "excluded", "special"):
            object.__setattr__(self, f"_{name}", _Intervals(getattr(self, name)))

    def check(self, packed: bytes) -> Allowed | Refused:
        """Say whether a socket for this purpose may be opened to 16 packed bytes."""
        if packed in self._excluded:
            return Refused(f"{text_of(packed)} is excluded: never connect", is_exclusion=True)
        if kind := special_kind(packed):
            return self._check_special(packed, kind)
        if packed in self._allowed or packed in self._special or (self.public and _is_public(packed)):
            return Allowed()
        return Refused(f"no network allows {self.purpose} to connect to {text_of(packed)}")

    def _check_special(self, packed: bytes, kind: str) -> Allowed | Refused:
        if packed in self._special:
            return Allowed()
        return Refused(f"{text_of(packed)} is {kind}: only a network that names it on purpose allows it")


class Changing:
    """A gate whose policy is renewed while a run goes on: every socket asks the one that stands at that moment.

    Nobody knows what a policy is worth that could not be renewed for long: then nothing is allowed.
    """

    def __init__(self, policy: Policy) -> None:
        self.renew(policy)

    def renew(self, policy: Policy) -> None:
        self._policy, self._until = policy, monotonic() + STALE_SECONDS

    def check(self, packed: bytes) -> Allowed | Refused:
        if monotonic() > self._until:
            return Refused(
                f"what {self._policy.purpose} may connect to could not be read for {STALE_SECONDS:.0f} seconds"
            )
        return self._policy.check(packed)


class _Intervals:
    """Merged, sorted intervals: a membership test costs one bisection."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._firsts: list[bytes] = []
        self._lasts: list[bytes] = []
        for first, last in sorted(intervals):
            if len(first) != 16 or len(last) != 16 or last < first:
                raise ValueError("an interval is two packed addresses of 16 bytes, the first not after the last")
            if self._lasts and first <= self._lasts[-1]:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, packed: bytes) -> bool:
        at = bisect_right(self._firsts, packed) - 1
        return at >= 0 and packed <= self._lasts[at]


def text_of(packed: bytes) -> str:
    return str(_parsed(packed))


def special_kind(packed: bytes) -> str:
    """Name what makes an address special ("a loopback address"), or return an empty string for an ordinary one."""
    address = _parsed(packed)
    if kind := _own_kind(address):
        return kind
    inner = _embedded(address)
    kind = _own_kind(inner) if inner is not None else ""
    return f"{kind} written as IPv6" if kind else ""


def _parsed(packed: bytes) -> Address:
    if len(packed) != 16:
        raise ValueError("a packed address has 16 bytes")
    if packed.startswith(_V4_PREFIX):
        return ipaddress.IPv4Address(packed[12:])
    return ipaddress.IPv6Address(packed)


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address) or address in _NO_V4:
        return None
    if address.teredo:
        return address.teredo[1]
    for network, shift in _EMBEDDING:
        if address in network:
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def _own_kind(address: Address) -> str:
    return next((kind for kind, holds in _KINDS if holds(address)), "")


def _is_unspecified(address: Address) -> bool:
    # 0.0.0.0/8 is "this network" (RFC 1122, 3.2.1.3): Linux connects to itself.
    return address.is_unspecified or (address.version == 4 and address.packed[0] == 0)


_KINDS: tuple[tuple[str, Callable[[Address], bool]], ...] = (
    ("a cloud metadata address", _METADATA.__contains__),
    ("an unspecified address", _is_unspecified),
    ("a loopback address", lambda address: address.is_loopback),
    ("a link-local address", lambda address: address.is_link_local),
    ("a multicast address", lambda address: address.is_multicast),
    ("the broadcast address", lambda address: address == _BROADCAST),
)


def _is_public(packed: bytes) -> bool:
    address = _parsed(packed)
    inner = _embedded(address)
    return address.is_global and (inner is None or inner.is_global)


async def connect(policy: Gate, packed: bytes, port: int) -> socket.socket:
    """Open a non-blocking TCP connection in the running loop, if the policy allows it. The caller closes the socket.

    Raises ``NotAllowedError`` before any socket exists, and ``OSError`` for what the network says.
    """
    decision = policy.check(packed)
    if isinstance(decision, Refused):
        raise NotAllowedError(decision)
    is_v4 = packed.startswith(_V4_PREFIX)
    connection = socket.socket(socket.AF_INET if is_v4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        connection.settimeout(0)
        await asyncio.get_running_loop().sock_connect(connection, (text_of(packed), port))
    except BaseException:
        connection.close()
        raise
    return connection
