"""Nothing is connected to that was not allowed, however the address is written."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic

import pytest

from certdash.lib import egress
from certdash.lib.egress import Allowed, Changing, Interval, NotAllowedError, Policy, Refused
from inventory.addresses import pack


def between(first: str, last: str) -> Interval:
    return pack(first), pack(last)


def words(text: str) -> list[str]:
    return text.split()


EVERYTHING = between("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
TEN = between("10.0.0.0", "10.255.255.255")
LOOPBACK = between("127.0.0.0", "127.255.255.255")

# The same few machines in every form that an operating system or a gateway may take for them.
SPECIAL = words("""
127.0.0.1 127.255.255.254 127.0.0.53 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::7f00:1
2002:7f00:1:: 2002:7f00:1::1 64:ff9b:1::7f00:1 ::ffff:0:127.0.0.1 2001:0:4136:e378:8000:63bf:80ff:fffe
0.0.0.0 0.0.0.1 0.255.255.255 :: ::ffff:0.0.0.0 64:ff9b::0.0.0.0 2002:: 2002:0:1::
169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.1 169.254.255.255 ::ffff:169.254.169.254 ::169.254.169.254
64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe:: fd00:ec2::254 100.100.100.200 ::ffff:100.100.100.200
fe80::1 fe80::a9fe:a9fe febf::1 ff02::1 ff05::2 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
224.0.0.1 239.255.255.255 ::ffff:224.0.0.1 255.255.255.255 ::ffff:255.255.255.255 64:ff9b::255.255.255.255
2002:ffff:ffff::
""")


@pytest.mark.parametrize("address", SPECIAL)
@pytest.mark.parametrize("public", [False, True])
def test_special_addresses_need_a_row_that_names_them(address: str, public: bool) -> None:  # noqa: FBT001
    wide = Policy("fetch", allowed=(EVERYTHING,), public=public).check(pack(address))
    assert isinstance(wide, Refused)
    assert "only a network that names it on purpose" in wide.reason
    assert Policy("fetch", special=((pack(address), pack(address)),)).check(pack(address)) == Allowed()


@pytest.mark.parametrize(
    "address",
    words("""10.0.0.1 172.16.0.1 192.168.0.1 100.64.0.1 192.0.2.1 198.18.0.1 240.0.0.1 fc00::1 fd12::1 2001:db8::1
    ::ffff:10.0.0.1 2002:0a00:1:: 64:ff9b::10.0.0.1 ::10.0.0.1"""),
)
def test_public_means_public_also_inside_ipv6(address: str) -> None:
    assert not Policy("fetch", public=True).check(pack(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1"])
def test_public_addresses_are_free_for_all_purposes_but_probing(address: str) -> None:
    assert Policy("fetch", public=True).check(pack(address))
    assert not Policy("probe").check(pack(address))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("9.255.255.255", False),
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("::10.0.0.1", False),
    ],
)
def test_bounds_are_inclusive_and_not_wider(address: str, allowed: bool) -> None:  # noqa: FBT001
    assert bool(Policy("probe", allowed=(TEN,)).check(pack(address))) == allowed


def test_an_exclusion_wins_over_every_permission() -> None:
    policy = Policy("probe", allowed=(TEN,), special=(TEN, LOOPBACK), excluded=(TEN, LOOPBACK), public=True)
    for address in ("10.0.0.1", "127.0.0.1"):
        refused = policy.check(pack(address))
        assert refused == Refused(f"{address} is excluded: never connect", is_exclusion=True)


def test_a_refusal_is_a_sentence_that_names_purpose_and_address() -> None:
    refused = Policy("probe").check(pack("10.0.0.1"))
    assert refused == Refused("no network allows probe to connect to 10.0.0.1")


def test_overlapping_intervals_are_one() -> None:
    spans = (between("10.0.0.5", "10.0.0.9"), between("10.0.0.0", "10.0.0.200"), between("10.0.0.8", "10.0.0.20"))
    policy = Policy("probe", allowed=spans)
    assert policy.check(pack("10.0.0.200"))
    assert not policy.check(pack("10.0.0.201"))


@pytest.mark.parametrize("interval", [(b"\x0a\0\0\0", b"\x0a\0\0\1"), (pack("10.0.0.2"), pack("10.0.0.1"))])
def test_a_malformed_interval_is_a_mistake_of_ours(interval: Interval) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Policy("probe", allowed=(interval,))


def test_policies_are_values() -> None:
    assert Policy("probe", allowed=(TEN,)) == Policy("probe", allowed=(TEN,))
    assert len({Policy("probe", allowed=(TEN,)), Policy("probe", allowed=(TEN,)), Policy("acme")}) == 2


def test_connecting_opens_what_was_checked_and_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        listener.settimeout(0.2)
        with pytest.raises(NotAllowedError, match="loopback"):
            asyncio.run(egress.connect(Policy("probe", allowed=(EVERYTHING,)), pack("127.0.0.1"), port))
        with pytest.raises(TimeoutError):
            listener.accept()
        opened = asyncio.run(egress.connect(Policy("probe", special=(LOOPBACK,)), pack("::ffff:127.0.0.1"), port))
        with opened, listener.accept()[0] as accepted:
            assert accepted.getpeername() == opened.getsockname()


def test_a_refused_connection_leaves_no_socket_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(egress.connect(Policy("probe", special=(LOOPBACK,)), pack("127.0.0.1"), port))


def test_a_changing_gate_asks_the_policy_that_stands_now_and_none_that_is_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Changing(Policy("probe", special=(LOOPBACK,)))
    assert gate.check(pack("127.0.0.1"))
    gate.renew(Policy("probe", special=(LOOPBACK,), excluded=(LOOPBACK,)))
    assert gate.check(pack("127.0.0.1")) == Refused("127.0.0.1 is excluded: never connect", is_exclusion=True)
    gate.renew(Policy("probe", special=(LOOPBACK,)))
    later = monotonic() + egress.STALE_SECONDS + 1
    monkeypatch.setattr(egress, "monotonic", lambda: later)
    assert gate.check(pack("127.0.0.1")) == Refused("what probe may connect to could not be read for 30 seconds")
