"""IP addresses as 16 bytes that sort like addresses, and back."""

from __future__ import annotations

import ipaddress

_V4_PREFIX = bytes(10) + b"\xff\xff"


def pack(address: str) -> bytes:
    """``"10.0.0.1"`` or ``"2001:db8::1"`` as 16 bytes, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2).

    Raises ``ValueError`` if the text is not an address; zone identifiers are refused.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return _V4_PREFIX + parsed.packed
    if parsed.scope_id is not None:
        raise ValueError(f"{address} has a zone identifier")
    return parsed.packed


def with_port(address: str, port: int) -> str:
    """``address:port``, with brackets around IPv6 (RFC 3986, 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def unpack(packed: bytes) -> str:
    """The text of 16 packed bytes: dotted for mapped IPv4, compressed for IPv6."""
    if packed.startswith(_V4_PREFIX):
        return str(ipaddress.IPv4Address(packed[12:]))
    return str(ipaddress.IPv6Address(packed))
