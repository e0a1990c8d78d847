from __future__ import annotations

import time

import pytest

from inventory.names import SINGLE, domain_of, is_public


@pytest.mark.parametrize(
    ("value", "domain"),
    [
        ("www.example.org", "example.org"),
        ("EXAMPLE.org", "example.org"),
        ("*.a.b.example.co.uk", "example.co.uk"),
        ("api*.example.org", "example.org"),
        ("_dmarc.example.org", "example.org"),
        ("www.xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("shop.xn--fiqs8s", "shop.xn--fiqs8s"),
        # What companies let to others: each tenant has a domain, and the landlord his own.
        ("alice.github.io", "alice.github.io"),
        ("*.github.io", "github.io"),
        # A suffix itself.
        ("*.co.uk", "co.uk"),
        ("com", "com"),
    ],
)
def test_a_public_name_stands_under_what_was_registered(value: str, domain: str) -> None:
    assert domain_of("dns", value) == domain
    assert is_public(domain)


@pytest.mark.parametrize(
    ("kind", "value", "domain"),
    [
        ("dns", "server.local", "local"),
        ("dns", "*.corp.example", "example"),
        ("dns", "a.internal", "internal"),
        ("dns", "printer", SINGLE),
        ("dns", "localhost", SINGLE),
        ("dns", "192.0.2.7", SINGLE),
        ("ip", "192.0.2.7", SINGLE),
        ("ip", "2001:db8::1", SINGLE),
    ],
)
def test_other_names_are_grouped_and_not_called_public(kind: str, value: str, domain: str) -> None:
    assert domain_of(kind, value) == domain
    assert not is_public(domain)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("dns", ""),
        ("dns", "*"),
        ("dns", "a b.example.org"),
        ("dns", "http://user@example.org/?x"),
        ("dns", "example.org:443"),
        ("dns", "a\x00.example.org"),
        ("dns", "bücher.de"),  # what could not be made an A-label
        ("dns", "<script>.example.org"),
        ("email", "ada@example.org"),
        ("uri", "https://example.org"),
    ],
)
def test_what_names_no_host_stands_under_no_domain(kind: str, value: str) -> None:
    assert domain_of(kind, value) == ""


def test_long_names_cost_no_time() -> None:
    began = time.perf_counter()
    for value in ("a." * 50_000, "a" * 100_000, "*." + "xn--" * 25_000, "." * 100_000):
        assert domain_of("dns", value) == ""
    assert time.perf_counter() - began < 0.5
