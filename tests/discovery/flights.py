"""What servers send, in memory: real flights, hand-made ones, and a look that is told them."""

from __future__ import annotations

from collections.abc import Sequence

from OpenSSL import SSL

from discovery.probe import Place, Reason
from discovery.probe.look import Failed, Look, Sent
from tests.discovery.servers import answer, certificate, der, server_context

PLACE = Place("192.0.2.1", 443)
NAMED = Place("192.0.2.1", 443, "www.example.org")
VERSIONS = {"TLSv1": SSL.TLS1_VERSION, "TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


def shake(look: Look, context: SSL.Context) -> Sent | Failed:
    """Let a look and a real OpenSSL server talk in memory."""
    server = SSL.Connection(context, None)
    server.set_accept_state()
    to_server = look.opening()
    while look.answer is None:
        from_server = answer(server, to_server) if to_server else b""
        if not from_server:
            look.end()
            break
        to_server = look.receive(from_server)
    assert look.answer is not None
    return look.answer


def sent(answered: Sent | Failed) -> Sent:
    assert isinstance(answered, Sent), answered
    return answered


def failed(answered: Sent | Failed | None) -> tuple[Reason, str]:
    assert isinstance(answered, Failed), answered
    return answered.reason, answered.detail


def told(octets: bytes, place: Place = PLACE, *, at_once: int = 4096) -> Look:
    """A look at a server that sends these bytes and closes."""
    look = Look(place)
    look.opening()
    for at in range(0, len(octets), at_once):
        look.receive(octets[at : at + at_once])
    look.end()
    return look


def record(kind: int, payload: bytes) -> bytes:
    pieces = [payload[at : at + 16000] for at in range(0, len(payload), 16000)]
    return b"".join(bytes([kind]) + b"\x03\x03" + len(piece).to_bytes(2) + piece for piece in pieces)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


SERVER_HELLO = message(2, b"\x03\x03" + bytes(range(32)) + b"\x00\xc0\x2b\x00")


def flight(ders: Sequence[bytes]) -> bytes:
    """What a TLS 1.2 server sends in clear: hello, certificates, done. It proves nothing."""
    entries = b"".join(len(entry).to_bytes(3) + entry for entry in ders)
    certificates = message(11, len(entries).to_bytes(3) + entries)
    return record(22, SERVER_HELLO) + record(22, certificates) + record(22, message(14, b""))


def alert(number: int, level: int = 2) -> bytes:
    return record(21, bytes([level, number]))


GARBAGE = b"\x30\x82\x01\x00not a certificate"
# The outer SEQUENCE with a longer length than needed: BER, which DER forbids.
LEAF = der(certificate("leaf"))
NOT_DER = b"\x30\x83\x00" + LEAF[2:]


def captured(version: str) -> bytes:
    """The first flight of a real server, for a client that is not there any more."""
    server = SSL.Connection(server_context(certificate("leaf"), certificate("a"), highest=VERSIONS[version]), None)
    server.set_accept_state()
    return answer(server, Look(NAMED).opening())


FLIGHTS = {"1.2": captured("TLSv1.2"), "1.3": captured("TLSv1.3"), "bare": flight([LEAF, GARBAGE])}
