"""Where the sites are made: names, places, authorities and dates of one lab."""

import ipaddress
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509

from lab import der, pki, subjects
from lab.manifest import Line
from lab.pki import Authority, Issued

PORTS = {"tls": 443, "smtp": 25, "imap": 143, "pop3": 110, "ldap": 389, "postgres": 5432}
NODES_PORT = 8443  # where the nodes of one name stand
_PER_ADDRESS = 16
_NETSCAPE_COMMENT = x509.ObjectIdentifier("2.16.840.1.113730.1.13")
_DEPARTMENTS = ("shop", "pay", "people", "ops", "data")


@dataclass
class Workshop:
    """Hands out names and places in order, so that the same wishes give the same estate.

    Ports are the base plus the standard port: TLS fills 16 ports of an address and goes on with the
    next address; each further server of another protocol takes the next address.
    """

    seed: int
    now: datetime
    first_address: str
    port_base: int
    _given: Counter[str] = field(default_factory=Counter)

    @cached_property
    def root(self) -> Authority:
        return Authority.make(f"Lab Root {self.seed}", seed=self.seed)

    @cached_property
    def issuing(self) -> Authority:
        return self.root.intermediate("Lab Issuing")

    @cached_property
    def deep(self) -> Authority:
        """Two authorities below the root."""
        return self.root.intermediate("Lab Upper").intermediate("Lab Lower")

    @cached_property
    def old(self) -> Authority:
        """The one with an RSA key, as authorities had that signed with SHA-1."""
        return self.root.intermediate("Lab Old", key="rsa2048")

    @cached_property
    def foreign(self) -> Authority:
        """A root that no trust store holds."""
        return Authority.make(f"Somebody's Root {self.seed}", seed=self.seed)

    @cached_property
    def strays(self) -> tuple[bytes, ...]:
        """Authorities that no leaf here needs, made fat by a comment: 130 kB in all."""
        comment = (_comment(8_192), False)
        names = (f"Stray {number}" for number in range(15))
        return tuple(self.root.intermediate(n, extensions=[comment]).der for n in names)

    def name(self, kind: str) -> str:
        """The next host name of this kind, in some department's zone."""
        number = self._next(f"name {kind}") + 1
        label = kind.replace("_", "-")
        department = _DEPARTMENTS[self._next("department") % len(_DEPARTMENTS)]
        return f"{label}-{number}.{department}.lab.example"

    def place(self, protocol: str) -> tuple[str, int]:
        """The next free address and port for this protocol."""
        number = self._next(protocol)
        port = self.port_base + PORTS[protocol]
        if protocol != "tls":
            return self.address(number), port
        return self.address(number // _PER_ADDRESS), port + number % _PER_ADDRESS

    def places(self, count: int) -> list[tuple[str, int]]:
        """Neighbouring addresses on one port, for the nodes of one name."""
        port = self.port_base + NODES_PORT
        return [(self.address(self._next("node")), port) for _ in range(count)]

    def address(self, number: int) -> str:
        return str(ipaddress.ip_address(self.first_address) + number)

    def day(self, number: int) -> datetime:
        """Midnight that many days from today: the same bytes all day long."""
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=number)

    def time_of_day(self) -> timedelta:
        """Another one each time, or everything in the lab would end in one second."""
        return timedelta(seconds=self._next("time") * 2_741 % 86_400)

    def _next(self, what: str) -> int:
        self._given[what] += 1
        return self._given[what] - 1


def line(place: tuple[str, int], kind: str, note: str) -> Line:
    """A line about which nothing more is known yet."""
    return Line(*place, "", "tls", None, (), "served", "", kind, note)


def named(line: Line, name: str) -> Line:
    """Asked by the name that people know."""
    return replace(line, server_name=subjects.a_label(name), service=subjects.a_label(name))


def presenting(line: Line, issued: Issued) -> Line:
    chain = tuple(map(pki.fingerprint, issued.sent))
    return replace(line, leaf_sha256=issued.sha256, chain=chain, variants={"default": issued.sha256})


def _comment(size: int) -> x509.UnrecognizedExtension:
    """Netscape's comment extension: text of any size that nobody has to understand."""
    return x509.UnrecognizedExtension(_NETSCAPE_COMMENT, der.wrap(0x16, b"x" * size))
