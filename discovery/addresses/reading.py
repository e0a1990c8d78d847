"""From text to values. What is not clearly a place is refused: it will reach sockets and command lines."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterator

import idna

from discovery.addresses.values import AddressError, Problem, Target, Targets
from inventory.addresses import pack

MAX_TEXT = 2_000_000
MAX_ADDRESSES = 2**24  # of one target: an IPv4 /8
MAX_PROBLEMS = 100

_EXAMPLES = "write a host name, an address, a network or a range, such as www.example.org or 192.0.2.0/24"
_SEPARATORS = ".:/-[]_"
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
# Prefix → (protocol before the handshake, port if none is given; 0 for the source's own ports).
_PREFIXES = {
    "tls": ("tls", 0),
    "https": ("tls", 443),
    "smtps": ("tls", 465),
    "imaps": ("tls", 993),
    "pop3s": ("tls", 995),
    "ldaps": ("tls", 636),
    "smtp": ("smtp", 25),
    "submission": ("smtp", 587),
    "imap": ("imap", 143),
    "pop3": ("pop3", 110),
    "ldap": ("ldap", 389),
    "postgres": ("postgres", 5432),
    "postgresql": ("postgres", 5432),
}


def parse_targets(text: str) -> Targets:
    """Read one entry a line (or several with commas between them); what follows a ``#`` is a comment."""
    return _parse_all(text, parse_target)


def parse_exclusions(text: str) -> Targets:
    """Read what is never asked: names, addresses, networks and ranges of any size, without ports."""
    return _parse_all(text, _parse_exclusion)


def _parse_all(text: str, parse: Callable[[str], Target]) -> Targets:
    if len(text) > MAX_TEXT:
        problem = Problem(1, _shown(text), f"has {len(text):,} characters", f"write at most {MAX_TEXT:,}")
        return Targets((), (problem,))
    first_lines: dict[Target, int] = {}
    problems: list[Problem] = []
    for line, item in _items(text):
        try:
            first_lines.setdefault(parse(item), line)
        except AddressError as error:
            problems.append(Problem(line, _shown(item), error.reason, error.instead))
        if len(problems) >= MAX_PROBLEMS:
            break
    return Targets(tuple(first_lines), tuple(problems), tuple(first_lines.values()))


def _items(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for item in line.partition("#")[0].split(","):
            if stripped := item.strip():
                yield number, stripped


def _shown(item: str) -> str:
    short = item if len(item) <= 80 else f"{item[:79]}…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short)


def parse_target(item: str) -> Target:
    """Read one entry. Raises ``AddressError``."""
    _refuse_foreign_characters(item)
    prefix, separator, rest = item.partition("://")
    if not separator:
        return _parse_place(item, "", 0)
    if prefix.lower() not in _PREFIXES:
        raise AddressError(f"begins with {prefix}://, which is not known", f"write one of {', '.join(_PREFIXES)}")
    protocol, port = _PREFIXES[prefix.lower()]
    return _parse_place(rest.removesuffix("/"), protocol, port)


def _parse_exclusion(item: str) -> Target:
    _refuse_foreign_characters(item)
    if span := _parse_span(item):
        return Target(first=span[0], last=span[1])
    if ":" in item or "/" in item:
        raise AddressError("is not an address", "exclude names, addresses, networks or ranges, without a port")
    return Target(name=parse_host_name(item))


def parse_network(text: str) -> Target:
    """Read one address, network or range of any size, for a row of allowed networks. Raises ``AddressError``."""
    item = text.strip()
    _refuse_foreign_characters(item)
    if span := _parse_span(item):
        return Target(first=span[0], last=span[1])
    raise AddressError("is not a network", "write 192.0.2.0/24, 2001:db8::/64 or 192.0.2.10-192.0.2.20")


def _refuse_foreign_characters(item: str) -> None:
    if item.startswith("-"):
        raise AddressError("is not an address: it begins with a hyphen", _EXAMPLES)
    if "%" in item:
        raise AddressError(
            "has a zone identifier, which means something on one machine only", "leave out % and the rest"
        )
    if "*" in item:
        raise AddressError("is a wildcard, which is no place to connect to", "write the host names that exist")
    if "@" in item:
        raise AddressError("is not an address: it contains @", "write the host alone, without user or password")
    for character in item:
        if not (character.isalnum() or character in _SEPARATORS or unicodedata.category(character) in ("Mn", "Mc")):
            raise AddressError(f"is not an address: it contains {_named(character)}", _EXAMPLES)


def _named(character: str) -> str:
    if character.isspace():
        return "a space"
    return f"“{character}”" if character.isprintable() else f"U+{ord(character):04X}"


def _parse_place(text: str, protocol: str, port: int) -> Target:
    host, written = _split_port(text)
    port = written or port
    if span := _parse_span(host):
        _refuse_too_large(span)
        return Target(first=span[0], last=span[1], port=port, protocol=protocol)
    return Target(name=parse_host_name(host), port=port, protocol=protocol)


def _split_port(text: str) -> tuple[str, int]:
    """Cut ``:port`` off; several colons without brackets are an IPv6 address and no port."""
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or ":" not in host or (tail and not tail.startswith(":")):
            raise AddressError("is not an address: brackets belong around IPv6", "write [2001:db8::1]:443")
        return host, _parse_port(tail[1:]) if tail else 0
    if text.count(":") != 1:
        return text, 0
    host, _, tail = text.partition(":")
    return host, _parse_port(tail)


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise AddressError(f"has “{_shown(text)}” where a port should stand", "write a number from 1 to 65535")
    return int(text)


def _parse_span(text: str) -> tuple[bytes, bytes] | None:
    """The packed bounds of an address, network or range; None if the text is none of them but may be a name."""
    if "/" in text:
        return _parse_cidr(text)
    left, hyphen, right = text.partition("-")
    first = _address(left)
    if hyphen and first is not None:
        return _parse_range(first, right)
    if first is not None:
        return pack(left), pack(left)
    if ":" in text:
        raise AddressError("is not an IPv6 address", "write 2001:db8::1, or [2001:db8::1]:443 with a port")
    return None


def _parse_cidr(text: str) -> tuple[bytes, bytes]:
    base, _, bits = text.partition("/")
    address = _address(base)
    if address is None or not (bits.isascii() and bits.isdigit() and int(bits[:4]) <= address.max_prefixlen):
        raise AddressError("is not a network", "write 192.0.2.0/24, 2001:db8::/120, or a host without a path")
    network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    if network[0] != address:
        raise AddressError("is an address with a network's length", f"write {network} for the network, {base} for one")
    return pack(str(network[0])), pack(str(network[-1]))


def _parse_range(first: ipaddress.IPv4Address | ipaddress.IPv6Address, right: str) -> tuple[bytes, bytes]:
    if first.version == 4 and right.isascii() and right.isdigit():
        right = f"{str(first).rpartition('.')[0]}.{right}"
    last = _address(right)
    if last is None or last.version != first.version or int(last) < int(first):
        raise AddressError("is not a range", "write the lower address first, such as 192.0.2.10-192.0.2.20")
    return pack(str(first)), pack(str(last))


def _refuse_too_large(span: tuple[bytes, bytes]) -> None:
    size = int.from_bytes(span[1]) - int.from_bytes(span[0]) + 1
    if size > MAX_ADDRESSES:
        raise AddressError(f"has {size:,} addresses", f"write networks of at most {MAX_ADDRESSES:,}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_host_name(text: str) -> str:
    """Return the name in lower case, as A-labels, without a final dot. Raises ``AddressError``.

    A name whose last label is a number is what some resolvers take for an address (0x7f.1, 2130706433): refused.
    """
    name = text.lower().removesuffix(".")
    if not name.isascii():
        name = _to_a_labels(name)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        raise AddressError("is not an IPv4 address", "write four decimal numbers, such as 192.0.2.10")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError("is not a host name", "write a name such as www.example.org")
    return name


def _to_a_labels(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise AddressError("is not an internationalised host name", _EXAMPLES) from error


def parse_ports(text: str) -> tuple[int, ...]:
    """Read "443,8443,9000-9010", sorted and without doubles. Raises ``AddressError``, which names the item."""
    ports: set[int] = set()
    for item in filter(None, (part.strip() for part in text.split(","))):
        first, hyphen, last = (part.strip() for part in item.partition("-"))
        low = _parse_port(first)
        high = _parse_port(last) if hyphen else low
        if high < low:
            raise AddressError(f"has “{_shown(item)}”, which ends before it begins", "write the lower port first")
        ports.update(range(low, high + 1))
    if not ports:
        raise AddressError("names no port", "write ports such as 443,8443,9000-9010")
    return tuple(sorted(ports))
