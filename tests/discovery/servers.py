"""Small real servers on loopback, certificates made in memory, and a policy that allows this machine only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from certdash.lib.egress import Policy
from discovery.probe import ProbeResult, Reason, Served
from inventory.addresses import pack

Handle: TypeAlias = Callable[[socket.socket], None]

LOOPBACK = Policy("probe", special=((pack("127.0.0.0"), pack("127.255.255.255")),))
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@cache
def key(kind: str = "ec") -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "mldsa": mldsa.MLDSA65PrivateKey.generate,
    }
    return makers[kind]()


@cache
def certificate(name: str, kind: str = "ec", names: int = 0) -> x509.Certificate:
    """A self-signed certificate that expired long ago, with ``names`` subject alternative names."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(kind).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(LONG_AGO)
        .not_valid_after(LONG_AGO + timedelta(days=1))
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(f"host-{n}.{name}") for n in range(names)])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(key(kind), None if kind in ("ed25519", "mldsa") else SHA256())


def der(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.DER)


def server_context(
    *chain: x509.Certificate, kind: str = "ec", lowest: int = SSL.TLS1_VERSION, highest: int = SSL.TLS1_3_VERSION
) -> SSL.Context:
    """A server that sends ``chain`` in this order, right or wrong."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(lowest)
    context.set_max_proto_version(highest)
    if kind == "mldsa":  # pyOpenSSL takes no such key object, only a file
        with NamedTemporaryFile() as file:
            file.write(key(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            context.use_privatekey_file(file.name)
    else:
        context.use_privatekey(key(kind))
    context.use_certificate(chain[0])
    for other in chain[1:]:
        context.add_extra_chain_cert(other)
    return context


def tls(context: SSL.Context) -> Handle:
    """Shake hands, wait until the other side closes."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        shaken = SSL.Connection(context, None)
        shaken.set_accept_state()
        with suppress(SSL.Error, OSError):
            while received := connection.recv(65536):
                connection.sendall(answer(shaken, received))

    return handle


def answer(server: SSL.Connection, received: bytes) -> bytes:
    """What an OpenSSL server in memory sends on ``received``."""
    with suppress(SSL.Error):
        server.bio_write(received)
        server.do_handshake()
    sent = b""
    with suppress(SSL.WantReadError):
        while True:
            sent += server.bio_read(65536)
    return sent


def says(octets: bytes, *, then_close: bool = True) -> Handle:
    """Send fixed bytes after the first that came, then close, or wait."""

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(octets)
        if not then_close:
            connection.recv(65536)

    return handle


def tarpit(connection: socket.socket) -> None:
    """Accept and say nothing until the other side goes."""
    while connection.recv(65536):
        continue


@contextmanager
def serving(handle: Handle, host: str = "127.0.0.1", port: int = 0, backlog: int = 128) -> Iterator[int]:
    """A server with a thread per connection; yields its port."""
    connections: list[socket.socket] = []

    def work(connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            handle(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threading.Thread(target=work, args=(connection,), daemon=True).start()

    with socket.create_server((host, port), backlog=backlog) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()


@contextmanager
def tarpits(hosts: Sequence[str]) -> Iterator[int]:
    """The same port on many addresses, where a connection is made by the kernel and nobody answers."""
    listeners = [socket.create_server((hosts[0], 0), backlog=16)]
    port = listeners[0].getsockname()[1]
    listeners += [socket.create_server((host, port), backlog=16) for host in hosts[1:]]
    try:
        yield port
    finally:
        for listener in listeners:
            listener.close()


def reason(result: ProbeResult) -> Reason:
    assert not isinstance(result, Served), result
    return result.reason


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
