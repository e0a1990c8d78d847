"""What stands on one port: how it behaves, what it presents, what a scan must find there."""

from dataclasses import dataclass, field

from OpenSSL import SSL

from lab.manifest import Line
from lab.pki import Issued

TLS10, TLS11 = SSL.TLS1_VERSION, SSL.TLS1_1_VERSION
TLS12, TLS13 = SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION
CURRENT = (TLS12, TLS13)


@dataclass(frozen=True, eq=False)
class Tls:
    """How a server speaks TLS.

    identities           one certificate, one of each key type, or none: then every handshake fails
    by_name              other certificates for names asked by SNI
    client_certificate   the client must show one, issued by anybody
    """

    identities: tuple[Issued, ...]
    versions: tuple[int, int] = CURRENT
    by_name: dict[str, "Tls"] = field(default_factory=dict)
    client_certificate: bool = False


@dataclass(frozen=True, eq=False)
class Site:
    """One listening socket and its lines, which carry address and port."""

    lines: tuple[Line, ...]
    tls: Tls | None = None
    behaviour: str = "handshake"

    @property
    def address(self) -> str:
        return self.lines[0].address

    @property
    def port(self) -> int:
        return self.lines[0].port

    @property
    def protocol(self) -> str:
        return self.lines[0].protocol
