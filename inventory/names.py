"""Names of hosts: one spelling for comparing, one for reading, and who is meant by a certificate.

Matching follows RFC 9525: alternative names only, never the common name; a wildcard stands for
exactly one whole left-most label; addresses match addresses. Nothing here ever raises.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

import idna
import tldextract

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Longer ones cannot be asked for (RFC 1035, section 2.3.4), and IDNA is slow on them.
_LONGEST_NAME = 253
# LDH labels, and the underscore, which is wrong in host names and common in them.
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)

# The group of single names ("printer") and addresses: no label begins with a dash.
SINGLE = "-"
# What a certificate of thousands of names would cost whenever it changes hands; it is found under the first of them.
DOMAINS_AT_MOST = 200
# The list that came with the package, never one from the network. Suffixes that companies let to others (github.io)
# count: what stands under them belongs to different people.
_public = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a certificate is for a name: `by` is the name in it that says so, or ""."""

    matched: bool
    by: str
    reason: str


def normalise(name: str) -> str:
    """Return the name in lower case, as A-labels, without a trailing dot.

    IDNA 2008 with the mapping of UTS 46; a name that it refuses stays as it is, in lower case.
    """
    name = name.strip().removesuffix(".")
    if name.isascii() or len(name) > _LONGEST_NAME:
        return name.lower()
    wildcard, rest = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        return wildcard + idna.encode(rest, uts46=True, std3_rules=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, IndexError, ValueError):
        return name.lower()


def displayed(name: str) -> str:
    """Return the name with its A-labels as people write them; a label that is not IDNA stays.

    Show it beside the other form, never instead: two names may look the same.
    """
    if "xn--" not in name.lower() or len(name) > _LONGEST_NAME:
        return name
    return ".".join(map(_u_label, name.split(".")))


def other_form(name: str) -> str:
    """Return the name as people write it, where that is not how it is stored; else nothing."""
    shown = displayed(name)
    return shown if shown != name else ""


def domain_of(kind: str, value: str) -> str:
    """Return under which domain a name of a certificate stands, as A-label; "" for what names no host.

    Of a public name, what was registered ("example.co.uk"). A name under no public suffix has no such thing: it is
    grouped by its last label ("local"), single names and addresses as ``SINGLE``.
    """
    first, _, rest = value.lower().partition(".")
    host = rest if "*" in first else value.lower()
    if kind == "ip":
        return SINGLE
    if kind != "dns" or not _HOST.fullmatch(host):
        return ""
    if host[-1].isdigit() and address_of(host) is not None:
        return SINGLE
    found = _public(host)
    if found.suffix:
        return f"{found.domain}.{found.suffix}".removeprefix(".")
    return host.rpartition(".")[2] if "." in host else SINGLE


def domains_of(names: Iterable[tuple[str, str]]) -> dict[str, bool]:
    """The domains of (kind, name) pairs in their order, and whether a wildcard stands under each."""
    found: dict[str, bool] = {}
    for kind, value in names:
        domain = domain_of(kind, value)
        if domain and (domain in found or len(found) < DOMAINS_AT_MOST):
            found[domain] = found.get(domain, False) or value.startswith("*")
    return found


def is_public(domain: str) -> bool:
    """Whether a group of ``domain_of`` stands under a public suffix, so that somebody registered it."""
    return domain != SINGLE and bool(_public(domain).suffix)


def _u_label(label: str) -> str:
    try:
        return idna.decode(label) if label.lower().startswith("xn--") else label
    except (idna.IDNAError, UnicodeError, IndexError, ValueError):
        return label


def address_of(text: str) -> Address | None:
    """Return the address that the text is, if it is one; brackets and zone are left out."""
    bare = text.strip().removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        return None


def matches(reference: str, names: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a client that asked for `reference` would find it among (kind, value) pairs."""
    return match(reference, names).matched


def match(reference: str, names: Iterable[tuple[str, str]]) -> Match:
    """Like `matches`, with the name that decided it and a sentence for people."""
    presented = list(names)
    address = address_of(reference)
    if address is not None:
        return _match_address(address, presented)
    wanted = normalise(reference)
    if not _HOST.fullmatch(wanted):
        return Match(matched=False, by="", reason="What was asked for is not a host name.")
    hosts = [value for kind, value in presented if kind == "dns"]
    for value in hosts:
        if covers(value, wanted):
            return Match(matched=True, by=value, reason=f"{value} covers {wanted}.")
    return Match(matched=False, by="", reason=_why_not(wanted, hosts, presented))


def covers(pattern: str, host: str) -> bool:
    """Tell whether one DNS name of a certificate covers a host (RFC 9525, section 6.3).

    `host` is normalised. The pattern is taken as signed: clients neither translate U-labels nor
    forgive a trailing dot in it. A wildcard needs two labels after it, as in browsers and OpenSSL.
    """
    if not pattern.isascii():
        return False  # lower() makes ASCII of some other letters: of the Kelvin sign, a k
    pattern = pattern.lower()
    if not pattern.startswith("*."):
        return pattern == host
    parent = pattern[2:]
    return "." in parent and "*" not in parent and host.partition(".")[2] == parent


def lookalike(reference: str, names: Iterable[tuple[str, str]]) -> str:
    """Return the DNS name that would cover the host if it were written as clients compare it, or ""."""
    wanted = normalise(reference)
    return next((value for kind, value in names if kind == "dns" and covers(normalise(value), wanted)), "")


def _match_address(address: Address, presented: list[tuple[str, str]]) -> Match:
    for kind, value in presented:
        if kind == "ip" and address_of(value) == address:
            return Match(matched=True, by=value, reason=f"It is for the address {address}.")
    if any(kind == "dns" and address_of(value) == address for kind, value in presented):
        reason = f"{address} stands among the DNS names, where no client looks for an address."
    elif any(kind == "ip" for kind, _ in presented):
        reason = f"It is for other addresses, not for {address}."
    else:
        reason = f"It is for no address, and {address} was asked for."
    return Match(matched=False, by="", reason=reason)


def _why_not(wanted: str, hosts: list[str], presented: list[tuple[str, str]]) -> str:
    if not presented:
        return "It has no alternative names, and the common name does not count."
    if not hosts:
        return f"It names no host, and {wanted} was asked for."
    meant = lookalike(wanted, presented)
    if meant:
        return f"“{meant}” is not written as clients compare it: without a final dot, other scripts as xn--."
    for host in hosts:
        if _reaches(host, wanted):
            return f"{host} stands for one label only, and does not cover {wanted}."
    return f"None of its {len(hosts)} DNS names is {wanted}."


def _reaches(pattern: str, host: str) -> bool:
    """Tell whether a reader might take the wildcard for covering the host."""
    parent = pattern.lower().removeprefix("*.")
    return pattern.startswith("*.") and (host == parent or host.endswith(f".{parent}"))
