"""Who a certificate is for (RFC 9525), and how names are spelled."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory import names
from inventory.x509 import Name, parse
from tests.inventory import corpus


def dns(*values: str) -> list[tuple[str, str]]:
    return [("dns", value) for value in values]


@pytest.mark.parametrize(
    ("given_name", "normal"),
    [
        ("WWW.Example.ORG.", "www.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("_dmarc.example.org", "_dmarc.example.org"),
        ("xn--BCHER-kva.example", "xn--bcher-kva.example"),
        ("\u202egro.example", "\u202egro.example"),
        ("", ""),
    ],
)
def test_names_have_one_spelling(given_name: str, normal: str) -> None:
    assert names.normalise(given_name) == normal


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("xn--bcher-kva.example", "bücher.example"),
        ("*.xn--bcher-kva.example", "*.bücher.example"),
        ("xn--\x00.example", "xn--\x00.example"),
        ("xn--a.example", "xn--a.example"),
        ("www.example.org", "www.example.org"),
    ],
)
def test_names_are_shown_as_people_write_them(name: str, shown: str) -> None:
    assert names.displayed(name) == shown
    assert names.other_form(name) == ("" if shown == name else shown)


@pytest.mark.parametrize(
    ("reference", "pattern"),
    [
        ("www.example.org", "www.example.org"),
        ("WWW.EXAMPLE.ORG.", "www.Example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("www.example.org", "*.example.org"),
        ("a_b.example.org", "*.example.org"),
        ("xn--bcher-kva.example.org", "*.example.org"),
        ("www.example.org\n", "www.example.org"),
    ],
)
def test_a_dns_name_covers_what_clients_take_it_to_cover(reference: str, pattern: str) -> None:
    assert names.matches(reference, dns(pattern))


@pytest.mark.parametrize(
    ("reference", "pattern"),
    [
        ("example.org", "*.example.org"),
        ("a.b.example.org", "*.example.org"),
        ("www.example.org", "w*.example.org"),
        ("www.example.org", "*w.example.org"),
        ("a.b.example.org", "a.*.example.org"),
        ("a.b.example.org", "*.*.example.org"),
        ("example.org", "*.org"),
        ("www.example.org", "*"),
        ("www.example.org", "www.example.org."),
        ("bücher.example", "bücher.example"),
        ("kiosk.example", "\u212aiosk.example"),
        ("bank.example", r"bank.example\00.evil.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "*.0.0.1"),
        ("*.example.org", "*.example.org"),
        ("", ""),
    ],
)
def test_a_dns_name_covers_nothing_else(reference: str, pattern: str) -> None:
    assert not names.matches(reference, dns(pattern))


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_an_address_is_covered_by_the_same_address(reference: str, value: str) -> None:
    assert names.matches(reference, [("ip", value)])


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "#0a000001ff"),
    ],
)
def test_an_address_is_covered_by_nothing_else(reference: str, value: str) -> None:
    assert not names.matches(reference, [("ip", value)])


def test_the_common_name_never_counts() -> None:
    read = parse(corpus.ISSUING.issue([], subject="www.example.org").der)
    found = names.match("www.example.org", read.names)
    assert not found.matched
    assert found.reason == "It has no alternative names, and the common name does not count."


def test_the_names_of_a_parsed_certificate_can_be_asked_directly() -> None:
    read = parse(corpus.ISSUING.issue(["*.example.org", "10.0.0.1"]).der)
    assert names.match("www.example.org", read.names).by == "*.example.org"
    assert names.matches("10.0.0.1", read.names)


@pytest.mark.parametrize(
    ("reference", "presented", "part"),
    [
        ("a.b.example.org", [Name("dns", "*.example.org")], "stands for one label only"),
        ("10.0.0.1", [Name("dns", "10.0.0.1")], "among the DNS names"),
        ("10.0.0.1", [Name("ip", "10.0.0.2")], "other addresses"),
        ("www.example.org", [Name("ip", "10.0.0.2")], "names no host"),
        ("www.example.org", [Name("dns", "a.example"), Name("dns", "b.example")], "None of its 2 DNS names"),
        ("a b", [Name("dns", "a b")], "not a host name"),
        ("bücher.example", [Name("dns", "bücher.example")], "not written as clients compare it"),
    ],
)
def test_a_mismatch_is_explained(reference: str, presented: list[Name], part: str) -> None:
    assert part in names.match(reference, presented).reason


@given(st.text(), st.lists(st.tuples(st.sampled_from(["dns", "ip", "email"]), st.text())))
def test_any_names_can_be_compared(reference: str, presented: list[tuple[str, str]]) -> None:
    assert isinstance(names.matches(reference, presented), bool)
    assert names.displayed(names.normalise(reference)) is not None


@given(st.text(st.sampled_from("a.-_*xn—üß。\u0301\u200d\u0660١"), max_size=40))
def test_normalising_twice_changes_nothing_in_a_host_name(name: str) -> None:
    once = names.normalise(name)
    assert names.normalise(once) == once or not once.isascii() or once.endswith((".", " "))


def test_hostile_names_take_linear_time() -> None:
    started = time.process_time()
    for hostile in ("a." * 50_000, "ü" * 100_000, "-" * 100_000, "xn--" * 30_000, "a" * 100_000 + "\0"):
        names.matches(hostile, dns(hostile))
        names.displayed(hostile)
    assert time.process_time() - started < 1
