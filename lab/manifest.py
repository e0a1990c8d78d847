"""What a scan of the lab must find, one line for each endpoint, kept as JSON lines."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PROTOCOLS = ("tls", "smtp", "imap", "pop3", "ldap", "postgres")

OUTCOMES = {
    "served": "a certificate comes, whatever the handshake ends in",
    "handshake_failed": "a fatal alert instead of a certificate",
    "too_large": "more than the 100 kB at which OpenSSL's clients stop: the leaf or this reason",
    "silent": "the connection stands and nothing ever comes",
    "slow": "an answer comes, too slowly for any deadline",
    "closed": "the connection ends before an answer",
    "not_tls": "the answer is another protocol",
}

FAULTS = (
    "expired",
    "expiring",
    "not_yet_valid",
    "wrong_name",
    "self_signed",
    "incomplete_chain",
    "misordered_chain",
    "superfluous_chain",
    "untrusted_path",
    "weak_key",
    "sha1_signature",
    "old_tls",
    "broken_handshake",
    "key_reuse",
    "not_same_everywhere",
)


@dataclass(frozen=True)
class Line:
    """One endpoint: where to ask, by which name, what comes, and all that is wrong with it.

    Trust is judged with the lab's root in the trust store.

    server_name    what to ask for (SNI), in its A-label form; "": ask without a name
    leaf_sha256    lower case hex; None where no certificate can be got
    faults         every code of FAULTS that holds here; what is self-signed has no path that could be untrusted, too
    variants       leaf by variant (default, rsa, ecdsa); what one client got may be either one
    chain          SHA-256 of everything that is sent, leaf first
    service        the name by which people know it, "" where they know none; nodes share it
    kind           the lab's name for what is planted here
    """

    address: str
    port: int
    server_name: str
    protocol: str
    leaf_sha256: str | None
    faults: tuple[str, ...]
    outcome: str
    service: str
    kind: str
    note: str
    variants: dict[str, str] = field(default_factory=dict)
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """All lines, and the root under which a private trust store judges them."""

    lines: tuple[Line, ...]
    root_pem: str

    def of(self, kind: str) -> list[Line]:
        return [line for line in self.lines if line.kind == kind]

    def write(self, path: Path) -> None:
        """Lines into the file, the root into its neighbour (`root_path`)."""
        path.write_text(dumps(self.lines), encoding="utf-8")
        root_path(path).write_text(self.root_pem, encoding="ascii")

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        lines = loads(path.read_text(encoding="utf-8"))
        return cls(tuple(lines), root_path(path).read_text(encoding="ascii"))


def root_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.root.pem")


def dumps(lines: Iterable[Line]) -> str:
    return "".join(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in lines)


def loads(text: str) -> list[Line]:
    return [_line(json.loads(row)) for row in text.splitlines() if row]


def _line(row: dict[str, Any]) -> Line:
    return Line(**row | {"faults": tuple(row["faults"]), "chain": tuple(row["chain"])})
