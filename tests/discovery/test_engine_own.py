"""The engine against real sockets: every answer of the world is told apart, and costs no more than its deadline."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from certdash.lib.egress import Policy
from discovery.engines import own
from discovery.engines.lookup import AT_ONCE, Resolve
from discovery.probe import HandshakeFailed, Place, ProbeResult, Reason, Served, Unreachable
from inventory.addresses import pack
from tests.discovery.servers import (
    LOOPBACK,
    Handle,
    certificate,
    closed_port,
    der,
    key,
    reason,
    says,
    server_context,
    serving,
    tarpit,
    tarpits,
    tls,
)

LEAF = certificate("leaf")


def probe(port: int, address: str = "127.0.0.1", timeout: float = 5.0, policy: Policy = LOOPBACK) -> ProbeResult:
    return own.probe_one(Place(address, port), policy, timeout=timeout)


def test_a_server_is_seen_with_its_chain() -> None:
    with serving(tls(server_context(LEAF, certificate("a")))) as port:
        result = probe(port)
    assert isinstance(result, Served)
    assert result.place == Place("127.0.0.1", port)
    (variant,) = result.variants
    assert variant.chain == (der(LEAF), der(certificate("a")))
    assert (variant.tls_version, variant.group, result.detail) == ("TLSv1.3", "X25519MLKEM768", "")


def test_a_closed_port_refuses() -> None:
    port = closed_port()
    assert probe(port) == Unreachable(Place("127.0.0.1", port), Reason.REFUSED, "Connection refused")


def test_a_full_backlog_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        result = probe(listener.getsockname()[1], timeout=0.5)
        for filler in fillers:
            filler.close()
    assert (type(result), reason(result)) == (Unreachable, Reason.SILENT)


def test_an_address_without_a_route_is_unroutable() -> None:
    everyone = (pack("255.255.255.255"), pack("255.255.255.255"))
    result = probe(443, "255.255.255.255", policy=Policy("probe", special=(everyone,)))
    assert reason(result) == Reason.UNROUTABLE


def reset(connection: socket.socket) -> None:
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    for octet in b"\x16\x03\x03\x40\x00" + bytes(200):
        connection.sendall(bytes([octet]))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        (reset, Reason.CONNECTION_RESET),
        (says(b""), Reason.CLOSED_EARLY),
        (tarpit, Reason.TIMED_OUT),
        (drip, Reason.TIMED_OUT),
        (says(b"\x16\x03\x03\x40", then_close=False), Reason.TIMED_OUT),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reason.NOT_TLS),
        (says(b"SSH-2.0-x\r\n", then_close=False), Reason.NOT_TLS),
        (says(b"H", then_close=False), Reason.NOT_TLS),
        (says(b"\x15\x03\x03\x00\x02\x02\x70"), Reason.SERVER_NAME_REQUIRED),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), Reason.TLS_ALERT),
        (says(b"\x16\x03\x03\x00\x04junk"), Reason.PROTOCOL_ERROR),
    ],
)
def test_what_a_connection_brings_is_told_apart(handle: Handle, expected: Reason) -> None:
    with serving(handle) as port:
        start = time.monotonic()
        result = probe(port, timeout=0.7)
    assert (type(result), reason(result)) == (HandshakeFailed, expected)
    assert time.monotonic() - start < 1.5


def test_a_flood_is_cut_at_a_mebibyte() -> None:
    hello = b"\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03" + bytes(32) + b"\x00\xc0\x2b\x00\x00\x00"

    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(hello + b"\x16\x03\x03\x00\x04\x0b\xff\xff\xff")
        while True:
            connection.sendall((b"\x16\x03\x03\x10\x00" + bytes(4096)) * 16)

    with serving(handle) as port:
        result = probe(port, timeout=10)
    assert (reason(result), result.detail) == (Reason.MESSAGE_TOO_LARGE, "the server sent more than 1,048,576 bytes")


def test_tarpits_cost_their_deadline_and_hide_nobody() -> None:
    hosts = [f"127.0.{n // 250}.{n % 250 + 2}" for n in range(300)]
    with tarpits(hosts) as silent, serving(tls(server_context(LEAF)), "0.0.0.0") as good:  # noqa: S104
        places = [Place(host, silent) for host in hosts]
        places[5:5] = [Place(f"127.1.0.{n + 1}", good) for n in range(15)]
        places += [Place(f"127.1.1.{n + 1}", good) for n in range(15)]
        results: list[ProbeResult] = []
        start = time.monotonic()
        own.probe_many(places, LOOPBACK, parallel=100, timeout=1.0, variants=False, on_result=results.append)
        took = time.monotonic() - start
    assert Counter(type(result) for result in results) == {Served: 30, HandshakeFailed: 300}
    assert {result.place for result in results} == set(places)
    assert {reason(result) for result in results if not isinstance(result, Served)} == {Reason.TIMED_OUT}
    assert 3.0 <= took < 6.0  # 300 tarpits, 100 at once, a second each


def test_a_dual_server_gives_both_certificates_when_asked_for() -> None:
    context = server_context(LEAF)
    context.use_privatekey(key("rsa"))
    context.use_certificate(certificate("twin", "rsa"))
    with serving(tls(context)) as port:
        both = probe(port)
        one = own.probe_one(Place("127.0.0.1", port), LOOPBACK, variants=False)
    assert isinstance(both, Served)
    assert isinstance(one, Served)
    assert {variant.chain[0] for variant in both.variants} == {der(LEAF), der(certificate("twin", "rsa"))}
    assert both.variants[0].variant == "default"
    assert len(one.variants) == 1


def test_a_server_that_fears_long_hellos_is_asked_once_more_in_few_words() -> None:
    shake = tls(server_context(LEAF))

    def handle(connection: socket.socket) -> None:
        if len(connection.recv(65536, socket.MSG_PEEK)) < 512:
            shake(connection)

    with serving(handle) as port:
        result = probe(port)
    assert isinstance(result, Served)
    assert result.variants[0].tls_version == "TLSv1.2"


def test_starttls_over_a_socket() -> None:
    shake = tls(server_context(LEAF))

    def handle(connection: socket.socket) -> None:
        connection.sendall(b"220 mx\r\n")
        for reply in (b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            connection.recv(1000)
            connection.sendall(reply)
        shake(connection)

    with serving(handle) as port:
        result = own.probe_one(Place("127.0.0.1", port, "mx.example.org", "smtp"), LOOPBACK)
    assert isinstance(result, Served)
    assert result.variants[0].chain == (der(LEAF),)


def resolver(**names: Sequence[str]) -> Resolve:
    def resolve(name: str) -> Sequence[str]:
        if name not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return names[name]

    return resolve


def test_each_address_of_a_name_gives_a_result_and_is_asked_by_that_name() -> None:
    asked: list[bytes | None] = []
    context = server_context(LEAF)
    context.set_tlsext_servername_callback(lambda connection: asked.append(connection.get_servername()))
    results: list[ProbeResult] = []
    resolve = resolver(www=["127.0.0.1", "127.0.0.2", "127.0.0.1"])
    with serving(tls(context)) as port:
        own.probe_many([Place("WWW", port)], LOOPBACK, on_result=results.append, resolve=resolve, variants=False)
    assert {result.place for result in results} == {Place(f"127.0.0.{n}", port, "www") for n in (1, 2)}
    assert Counter(type(result) for result in results) == {Served: 1, Unreachable: 1}
    assert asked == [b"www"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("absent", Reason.NAME_NOT_FOUND),
        ("empty", Reason.NAME_NOT_FOUND),
        ("-oN x", Reason.NAME_NOT_FOUND),
        ("2130706433", Reason.NAME_NOT_FOUND),
        ("127.1", Reason.NAME_NOT_FOUND),
        ("fe80::1%lo", Reason.NAME_NOT_FOUND),
    ],
)
def test_a_name_that_leads_nowhere_says_so(address: str, expected: Reason) -> None:
    result = own.probe_one(Place(address, 443), LOOPBACK, resolve=resolver(empty=["fe80::1%lo"]))
    assert (type(result), reason(result), result.place) == (Unreachable, expected, Place(address, 443))


def test_a_resolver_that_hangs_costs_its_deadline_only() -> None:
    wake = threading.Event()

    def resolve(name: str) -> Sequence[str]:
        wake.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    start = time.monotonic()
    result = own.probe_one(Place("slow.example.org", 443), LOOPBACK, resolve=resolve, timeout=0.5)
    wake.set()
    assert reason(result) == Reason.NAME_LOOKUP_FAILED
    assert time.monotonic() - start < 1.5


def test_the_time_of_a_name_begins_when_it_is_asked() -> None:
    """Many names wait for their turn longer than one may take."""
    asked: list[str] = []

    def resolve(name: str) -> Sequence[str]:
        asked.append(name)
        time.sleep(0.3)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    results: list[ProbeResult] = []
    places = [Place(f"n{number}.example.org", 443) for number in range(4 * AT_ONCE)]
    own.probe_many(places, LOOPBACK, on_result=results.append, resolve=resolve, timeout=0.8)
    assert {reason(result) for result in results} == {Reason.NAME_NOT_FOUND}
    assert len(set(asked)) == len(results) == len(places)


def test_names_that_hang_do_not_use_up_the_turns_of_others() -> None:
    wake = threading.Event()

    def resolve(name: str) -> Sequence[str]:
        if name.startswith("slow"):
            wake.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    slow = [Place(f"slow{number}.example.org", 443) for number in range(AT_ONCE)]
    results: list[ProbeResult] = []
    places = [*slow, Place("other.example.org", 443)]
    own.probe_many(places, LOOPBACK, on_result=results.append, resolve=resolve, timeout=0.5)
    wake.set()
    said = {result.place.address: reason(result) for result in results}
    assert said.pop("other.example.org") == Reason.NAME_NOT_FOUND
    assert set(said.values()) == {Reason.NAME_LOOKUP_FAILED}


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::ffff:127.0.0.1", "localhost", "rebound", "::1", "0.0.0.0", "::", "64:ff9b::7f00:1"],  # noqa: S104
)
def test_no_form_of_this_machine_is_reached_unless_it_was_named(address: str) -> None:
    everything = Policy("probe", allowed=((pack("::"), pack("ffff:" * 7 + "ffff")),))
    resolve = resolver(localhost=["127.0.0.1", "::1"], rebound=["127.0.0.1"])
    with serving(tarpit) as port:
        results: list[ProbeResult] = []
        own.probe_many([Place(address, port)], everything, on_result=results.append, resolve=resolve, timeout=1.0)
    assert {reason(result) for result in results} == {Reason.NOT_ALLOWED}


def test_an_exclusion_is_told_as_one_and_opens_no_socket() -> None:
    connected: list[socket.socket] = []
    excluding = Policy("probe", special=LOOPBACK.special, excluded=((pack("127.0.0.1"), pack("127.0.0.1")),))
    with serving(connected.append) as port:
        result = probe(port, policy=excluding)
    assert (reason(result), connected) == (Reason.EXCLUDED, [])
    assert result.detail == "127.0.0.1 is excluded: never connect"


@pytest.mark.parametrize("place", [Place("127.0.0.1", 1, protocol="gopher"), Place("127.0.0.1", 1, "bücher.example")])
def test_a_place_that_cannot_be_asked_is_a_value_too(place: Place) -> None:
    assert reason(own.probe_one(place, LOOPBACK)) == Reason.PROTOCOL_ERROR
