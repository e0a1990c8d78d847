"""What people type becomes values, or a problem that says what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certdash.lib import egress
from discovery.addresses import (
    AddressError,
    Plan,
    Problem,
    Target,
    Targets,
    is_special,
    parse_exclusions,
    parse_host_name,
    parse_network,
    parse_ports,
    parse_target,
    parse_targets,
)
from discovery.addresses.values import merge, subtract
from inventory.addresses import pack


def span(first: str, last: str = "", port: int = 0, protocol: str = "") -> Target:
    return Target(first=pack(first), last=pack(last or first), port=port, protocol=protocol)


@pytest.mark.parametrize(
    ("item", "target"),
    [
        ("192.0.2.7", span("192.0.2.7")),
        ("192.0.2.7:8443", span("192.0.2.7", port=8443)),
        ("192.0.2.0/24", span("192.0.2.0", "192.0.2.255")),
        ("192.0.2.0/31:993", span("192.0.2.0", "192.0.2.1", port=993)),
        ("192.0.2.10-192.0.2.20", span("192.0.2.10", "192.0.2.20")),
        ("192.0.2.10-20", span("192.0.2.10", "192.0.2.20")),
        ("2001:db8::1", span("2001:db8::1")),
        ("[2001:db8::1]", span("2001:db8::1")),
        ("[2001:db8::1]:8443", span("2001:db8::1", port=8443)),
        ("2001:db8::/120", span("2001:db8::", "2001:db8::ff")),
        ("2001:db8::1-2001:db8::5", span("2001:db8::1", "2001:db8::5")),
        ("::ffff:192.0.2.1", span("192.0.2.1")),
        ("smtp://192.0.2.7", span("192.0.2.7", port=25, protocol="smtp")),
        ("ldap://[2001:db8::1]:1389", span("2001:db8::1", port=1389, protocol="ldap")),
        ("smtp://mx.example.org:2525", Target(name="mx.example.org", port=2525, protocol="smtp")),
        ("https://www.example.org/", Target(name="www.example.org", port=443, protocol="tls")),
        ("imaps://mail.example.org", Target(name="mail.example.org", port=993, protocol="tls")),
        ("WWW.Example.ORG.", Target(name="www.example.org")),
        ("my-host_1.example.org:443", Target(name="my-host_1.example.org", port=443)),
        ("10-0-0-1.example.org", Target(name="10-0-0-1.example.org")),
        ("localhost", Target(name="localhost")),
        ("bücher.example", Target(name="xn--bcher-kva.example")),
        ("例え.テスト", Target(name="xn--r8jz45g.xn--zckzah")),
    ],
)
def test_an_entry_becomes_a_target(item: str, target: Target) -> None:
    assert parse_target(item) == target


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ("-oN x", "begins with a hyphen"),
        ("-iL/etc/passwd", "begins with a hyphen"),
        ("$(id)", "contains “$”"),
        ("`id`", "contains “`”"),
        ("a b", "contains a space"),
        ("a\tb", "contains a space"),
        ("host;id", "contains “;”"),
        ("host|id", "contains “|”"),
        ("host&id", "contains “&”"),
        ("'host'", "contains “'”"),
        ("host\x00", "contains U+0000"),
        ("host\u202egro", "contains U+202E"),
        ("<b>", "contains “<”"),
        ("host\\x", "contains “\\”"),
        ("2130706433", "not an IPv4 address"),
        ("0x7f000001", "not an IPv4 address"),
        ("0x7f.1", "not an IPv4 address"),
        ("0177.0.0.1", "not an IPv4 address"),
        ("127.1", "not an IPv4 address"),
        ("127.0.0.1.", "not an IPv4 address"),
        ("192.0.2.256", "not an IPv4 address"),
        ("１２７.0.0.1", "not an IPv4 address"),
        ("fe80::1%eth0", "zone identifier"),
        ("*.example.org", "wildcard"),
        ("root@example.org", "contains @"),
        ("gopher://example.org", "gopher://"),
        ("http://example.org", "http://"),
        ("https://example.org/path", "not a network"),
        ("192.0.2.7/24", "network's length"),
        ("192.0.2.0/33", "not a network"),
        ("192.0.2.0/255.255.255.0", "not a network"),
        ("example.org/24", "not a network"),
        ("192.0.2.20-192.0.2.10", "not a range"),
        ("192.0.2.10-2001:db8::1", "not a range"),
        ("192.0.2.10-x", "not a range"),
        ("2001:db8::1:443:x", "not an IPv6 address"),
        ("[192.0.2.1]:443", "brackets"),
        ("[2001:db8::1", "brackets"),
        ("[2001:db8::1]443", "brackets"),
        ("host:0", "where a port should stand"),
        ("host:65536", "where a port should stand"),
        ("host:https", "where a port should stand"),
        ("host:", "where a port should stand"),
        ("host:４４３", "where a port should stand"),
        ("10.0.0.0/7", "33,554,432 addresses"),
        ("2001:db8::/64", "18,446,744,073,709,551,616 addresses"),
        ("a..b", "not a host name"),
        ("-host.example.org", "begins with a hyphen"),
        ("host-.example.org", "not a host name"),
        ("x" * 64 + ".org", "not a host name"),
        ("a." * 127 + "org", "not a host name"),
    ],
)
def test_what_is_no_place_is_refused_with_the_reason(item: str, part: str) -> None:
    with pytest.raises(AddressError, match=r"write|leave|exclude") as refused:
        parse_target(item)
    assert part in refused.value.reason


def test_a_problem_of_everything_names_no_empty_item() -> None:
    assert str(Problem(1, "", "names no place", "write a host name")) == "All of it names no place; write a host name."


def test_a_problem_names_line_item_reason_and_what_to_write() -> None:
    found = parse_targets("# mail\nmx.example.org, 192.0.2.1\n\n-oN x  # no\n")
    assert [str(target) for target in found.items] == ["mx.example.org", "192.0.2.1"]
    assert [(p.line, p.item) for p in found.problems] == [(4, "-oN x")]
    assert str(found.problems[0]).startswith("Line 4: “-oN x” is not an address: it begins with a hyphen; write a host")


def test_hostile_text_is_shown_without_its_control_characters() -> None:
    (problem,) = parse_targets("evil\x1b[31m\u202e.example").problems
    assert problem.item == "evil\\u001b[31m\\u202e.example"


def test_a_novel_is_refused_without_reading_it() -> None:
    assert parse_targets("a\n" * 1_500_000).problems[0].reason == "has 3,000,000 characters"
    assert len(parse_targets("$\n" * 5_000).problems) == 100


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_what_is_read_is_no_option(text: str) -> None:
    for target in parse_targets(text).items:
        assert not str(target).startswith("-")
        assert str(target).isascii()
        assert not set(str(target)) & set(" $`;|&<>()'\"\\%*?~!{}")


def test_exclusions_may_be_of_any_size_and_have_no_port() -> None:
    found = parse_exclusions("fd00::/8\nprinter.example.org\n192.0.2.1:443")
    assert found.size == 2**120 + 1
    assert found.problems[0].line == 3


def test_a_network_row_is_an_address_a_network_or_a_range() -> None:
    assert parse_network(" 10.0.0.0/8 ") == span("10.0.0.0", "10.255.255.255")
    with pytest.raises(AddressError, match="not a network"):
        parse_network("example.org")


def test_host_names_come_back_as_a_labels() -> None:
    assert parse_host_name("STRAßE.example") in ("strasse.example", "xn--strae-oqa.example")
    with pytest.raises(AddressError, match="internationalised"):
        parse_host_name("a‎b.example")


def test_ports_are_sorted_and_without_doubles() -> None:
    assert parse_ports(" 8443, 443,9000-9003,443 ") == (443, 8443, 9000, 9001, 9002, 9003)


@pytest.mark.parametrize("text", ["", "0", "65536", "-p 80", "443;id", "9-", "10-9", "1e3", "٤٤٣"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="write"):
        parse_ports(text)


def plan(text: str, ports: tuple[int, ...] = (443,), without: str = "", names: tuple[str, ...] = ()) -> Plan:
    return Plan.of(parse_targets(text), ports, parse_exclusions(without), names)


def test_a_class_a_network_is_counted_and_begun_without_being_listed() -> None:
    whole = plan("10.0.0.0/8", (443, 8443), "10.1.0.0/16")
    assert (whole.size, whole.excluded) == ((2**24 - 2**16) * 2, 2**16 * 2)
    assert next(whole.places()) == ("10.0.0.0", 443, "", "tls")
    assert whole.place(whole.size - 1) == ("10.255.255.255", 8443, "", "tls")


def test_the_spread_order_covers_everything_once_and_is_the_same_for_every_shard() -> None:
    whole = plan("192.0.2.0/26\nwww.example.org\n198.51.100.1-7", (443, 8443), "192.0.2.9")
    spread = list(whole.places(seed=7))
    assert sorted(spread) == sorted(whole.places())
    assert len(set(spread)) == whole.size == (64 - 1 + 1 + 7) * 2
    assert spread != list(whole.places())
    shards = [list(whole.places(seed=7, start=start, stop=start + 50)) for start in range(0, whole.size, 50)]
    assert [place for shard in shards for place in shard] == spread


def test_a_place_that_was_written_twice_is_asked_once() -> None:
    twice = plan("192.0.2.0/30\n192.0.2.2\n192.0.2.1-3\n192.0.2.1:443\ntls://192.0.2.3", (25, 443))
    places = list(twice.places())
    assert len(places) == len(set(places)) == 4 * 2 + 1  # the last asks port 25 without STARTTLS, too


def test_known_ports_get_their_protocol_unless_one_was_written() -> None:
    assert list(plan("mx.example.org", (25, 443)).places()) == [
        ("mx.example.org", 25, "mx.example.org", "smtp"),
        ("mx.example.org", 443, "mx.example.org", "tls"),
    ]


def test_server_names_are_asked_at_every_address() -> None:
    places = list(plan("192.0.2.1-2", names=("", "a.example")).places())
    assert [place[2] for place in places] == ["", "a.example"] * 2


def test_excluded_names_and_addresses_are_left_out_and_counted() -> None:
    left = plan("a.example\nb.example\n192.0.2.1", without="a.example\n192.0.2.0/24")
    assert list(left.places()) == [("b.example", 443, "b.example", "tls")]
    assert left.excluded == 2
    assert list(Plan.of(Targets(()), (443,)).places(seed=1)) == []


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))), max_size=8)


@given(spans, spans)
def test_subtracting_ranges_equals_subtracting_sets(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    def numbers(pairs: object) -> set[int]:
        return {n for first, last in pairs for n in range(first, last + 1)}  # type: ignore[attr-defined]

    rest = subtract(merge(left), merge(right))
    assert numbers(rest) == numbers(left) - numbers(right)
    assert rest == merge(rest)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", ""),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b:1::7f00:1", "loopback"),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"),
        ("169.254.169.254", "metadata"),
        ("169.254.169.253", "link-local"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:ec2::255", ""),
        ("fe80::1", "link-local"),
        ("0.0.0.1", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("10.0.0.1", ""),
        ("192.0.2.1", ""),
        ("2001:db8::1", ""),
    ],
)
def test_special_addresses_are_named_in_every_form(address: str, kind: str) -> None:
    assert is_special(pack(address)) == kind


four = st.one_of(
    st.binary(min_size=4, max_size=4),
    st.sampled_from(
        [b"\x7f\x00\x00\x01", b"\xa9\xfe\xa9\xfe", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xe0\0\0\1"]
    ),
)
forms = st.one_of(
    st.binary(min_size=16, max_size=16),
    *[
        four.map(lambda v4, head=head, tail=tail: head + v4 + bytes(tail))  # type: ignore[misc]
        for head, tail in [
            (bytes(10) + b"\xff\xff", 0),
            (bytes(12), 0),
            (bytes(8) + b"\xff\xff\0\0", 0),
            (bytes.fromhex("0064ff9b") + bytes(8), 0),
            (bytes.fromhex("0064ff9b0001") + bytes(6), 0),
            (b"\x20\x02", 10),
            (bytes.fromhex("20010000") + bytes(8), 0),
        ]
    ],
)


@given(forms)
def test_egress_and_the_reader_call_the_same_addresses_special(packed: bytes) -> None:
    assert bool(is_special(packed)) == bool(egress.special_kind(packed)), egress.text_of(packed)
