"""Addresses that are never meant by accident: this machine, this link, the cloud's metadata, many machines at once."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from typing import TypeAlias

Kind: TypeAlias = tuple[int, int, str]

_V4 = (
    ("0.0.0.0/8", "unspecified"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("169.254.169.254/32", "metadata"),
    ("169.254.170.2/32", "metadata"),
    ("169.254.170.23/32", "metadata"),
    ("100.100.100.200/32", "metadata"),
)
_V6 = (
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
    ("fd00:ec2::254/128", "metadata"),
)
# Where IPv6 carries an IPv4 address directly after a prefix:
# IPv4-mapped and -compatible (RFC 4291), -translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056).
_EMBEDDING = ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "2002::/16")


def is_special(packed: bytes) -> str:
    """Name the kind of a special address, in whatever form it is written, or return an empty string."""
    number = int.from_bytes(packed)
    if kind := _find(_TABLE, number):
        return kind
    # Teredo (RFC 4380) and the wider NAT64 prefix (RFC 8215) leave bits free between prefix and address.
    if number >> 96 == 0x20010000:
        return _find(_V4_TABLE, ~number & 0xFFFFFFFF)
    if number >> 80 == 0x0064FF9B0001:
        return _find(_V4_TABLE, number & 0xFFFFFFFF)
    return ""


def wholly_special(first: bytes, last: bytes) -> str:
    """Name the kind of a range whose every address is special, by its first one, or return an empty string.

    A wide range that only begins with or contains something special is not special: what is meant must be named.
    """
    low, high = int.from_bytes(first), int.from_bytes(last)
    at = bisect_right(_TABLE, low, key=lambda row: row[0]) - 1
    kind = _TABLE[at][2] if at >= 0 else ""
    while at >= 0 and low <= _TABLE[at][1]:
        if high <= _TABLE[at][1]:
            return kind
        at, low = at + 1, _TABLE[at][1] + 1
        if at == len(_TABLE) or _TABLE[at][0] != low:
            return ""
    return ""


def is_very_wide(first: bytes, last: bytes) -> bool:
    """Whether a range is wider than an IPv4 /12 or an IPv6 /40, so that more may be meant than somebody thought of.

    10.0.0.0/8 belongs to whoever uses it, and whole companies do.
    """
    low, high = int.from_bytes(first), int.from_bytes(last)
    if low >= _OWN[0] and high <= _OWN[1]:
        return False
    is_v4 = low >> 32 == high >> 32 == 0xFFFF
    return high - low >= (1 << 20 if is_v4 else 1 << 88)


def _find(table: tuple[Kind, ...], number: int) -> str:
    at = bisect_right(table, number, key=lambda row: row[0]) - 1
    return table[at][2] if at >= 0 and number <= table[at][1] else ""


def _flat(rows: list[Kind]) -> tuple[Kind, ...]:
    """Cut a narrow row out of the wide row around it, so that one bisection finds the narrowest."""
    flat: list[Kind] = []
    for first, last, kind in sorted(rows, key=lambda row: (row[0], -row[1])):
        if flat and flat[-1][1] >= last:
            outer_first, outer_last, outer = flat.pop()
            flat += [(outer_first, first - 1, outer)] if outer_first < first else []
            flat += [(first, last, kind)]
            flat += [(last + 1, outer_last, outer)] if last < outer_last else []
        else:
            flat.append((first, last, kind))
    return tuple(flat)


def _row(network: str, kind: str) -> Kind:
    parsed = ipaddress.ip_network(network)
    return int(parsed[0]), int(parsed[-1]), kind


def _embedded(prefix: str) -> list[Kind]:
    network = ipaddress.IPv6Network(prefix)
    shift = 96 - network.prefixlen
    base = int(network[0])
    return [(base + (first << shift), base + ((last + 1) << shift) - 1, kind) for first, last, kind in _V4_ROWS]


_OWN = _row("::ffff:10.0.0.0/104", "private")[:2]
_V4_ROWS = [_row(*pair) for pair in _V4]
_V4_TABLE = _flat(_V4_ROWS)
_TABLE = _flat([_row(*pair) for pair in _V6] + [row for prefix in _EMBEDDING for row in _embedded(prefix)])
