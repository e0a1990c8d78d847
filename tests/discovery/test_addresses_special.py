"""What is special only as a whole."""

from __future__ import annotations

import pytest

from discovery.addresses import is_special, parse_network, wholly_special


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("127.0.0.0/8", "loopback"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "metadata"),
        ("::1", "loopback"),
        ("0.0.0.0/0", ""),  # begins unspecified, ends with broadcast, and holds the whole internet
        ("169.254.0.0/16", "link-local"),
        ("169.254.0.0/15", ""),
        ("10.0.0.0/8", ""),
    ],
)
def test_a_range_is_special_only_as_a_whole(network: str, kind: str) -> None:
    span = parse_network(network)
    assert wholly_special(span.first, span.last) == kind


def test_what_stands_beside_the_unspecified_address_and_loopback_is_special() -> None:
    kinds = [is_special(number.to_bytes(16)) for number in (0, 1, 2, 0x00FF_FFFF)]
    assert kinds == ["unspecified", "loopback", "unspecified", "unspecified"]
