"""Clients that share no code with the lab: openssl, the standard library, and a hello by hand."""

import hashlib
import os
import re
import socket
import ssl
import subprocess
from dataclasses import dataclass

from lab.manifest import Line

PEM = re.compile("-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Answer:
    """chain: DER as sent; protocol: as openssl names it; refused: a fatal alert came."""

    chain: tuple[bytes, ...]
    protocol: str
    refused: bool

    @property
    def leaf_sha256(self) -> str | None:
        return sha256(self.chain[0]) if self.chain else None


def sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def s_client(line: Line, *options: str) -> Answer:
    """What openssl gets; it speaks all five STARTTLS protocols."""
    name = ["-servername", line.server_name] if line.server_name else ["-noservername"]
    prelude = [] if line.protocol == "tls" else ["-starttls", line.protocol]
    command = ["openssl", "s_client", "-connect", f"{line.address}:{line.port}", "-showcerts"]
    old = ["-cipher", "ALL:@SECLEVEL=0", "-min_protocol", "TLSv1"]
    done = subprocess.run(
        [*command, *old, *name, *prelude, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    chain = tuple(ssl.PEM_cert_to_DER_cert(pem) for pem in PEM.findall(said))
    spoken = re.search(r"Protocol *: *(\S+)", said)
    return Answer(chain, spoken.group(1) if spoken else "", b" alert " in done.stderr)


def leaf_by_ssl(line: Line, ciphers: str = "DEFAULT", newest: ssl.TLSVersion | None = None) -> str:
    """SHA-256 of the leaf that the standard library gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers)
    if newest:
        context.maximum_version = newest
    with (
        socket.create_connection((line.address, line.port), 10) as raw,
        context.wrap_socket(raw, server_hostname=line.server_name or None) as tls,
    ):
        return sha256(tls.getpeercert(binary_form=True) or b"")


def hello_by_hand(name: str) -> bytes:
    """A ClientHello of TLS 1.2 (RFC 5246, section 7.4.1.2) that a P-256 server answers."""
    host = name.encode()
    server_name = _vector(2, b"\0" + _vector(2, host))
    extensions = b"".join(
        kind.to_bytes(2, "big") + _vector(2, body)
        for kind, body in [
            (0, server_name),
            (10, _vector(2, b"\x00\x17")),
            (11, _vector(1, b"\0")),
            (13, _vector(2, b"\x04\x03")),
        ]
    )
    suites = _vector(2, b"\xc0\x2b\xc0\x2f")
    body = b"\3\3" + os.urandom(32) + b"\0" + suites + b"\1\0" + _vector(2, extensions)
    return b"\x16\3\1" + _vector(2, b"\1" + _vector(3, body))


def chain_by_hand(line: Line) -> list[bytes]:
    """The certificates of a TLS 1.2 server, however many bytes they have."""
    with socket.create_connection((line.address, line.port), 10) as raw:
        raw.sendall(hello_by_hand(line.server_name))
        stream = raw.makefile("rb")
        messages = b""
        while (head := stream.read(5))[0] == 0x16 and not messages.endswith(b"\x0e\0\0\0"):
            messages += stream.read(int.from_bytes(head[3:], "big"))
            if messages.endswith(b"\x0e\0\0\0"):
                break
        stream.close()
    hello = 4 + int.from_bytes(messages[1:4], "big")
    return _certificates(messages[hello + 7 :], int.from_bytes(messages[hello + 4 : hello + 7], "big"))


def _certificates(data: bytes, size: int) -> list[bytes]:
    found = []
    position = 0
    while position < size:
        length = int.from_bytes(data[position : position + 3], "big")
        found.append(data[position + 3 : position + 3 + length])
        position += 3 + length
    return found


def _vector(width: int, body: bytes) -> bytes:
    return len(body).to_bytes(width, "big") + body
