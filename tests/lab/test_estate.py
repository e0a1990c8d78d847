"""The plan is the same for the same wishes, and as large as it was asked to be."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from lab import estate
from lab.estate import Estate, Wanted
from lab.manifest import Line

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
QUICK = tuple(kind for kind in estate.KINDS if kind not in estate.AT_MOST)


def lines(plan: Estate) -> list[Line]:
    return [line for group in plan.groups for site in group for line in site.lines]


def test_the_same_wishes_give_the_same_estate_all_day_long() -> None:
    morning, evening = (estate.plan(Wanted(kinds=QUICK, seed=5), NOW.replace(hour=hour)) for hour in (1, 23))
    assert lines(morning) == lines(evening)
    assert morning.root_pem == evening.root_pem


def test_another_seed_gives_other_certificates() -> None:
    first, second = (estate.plan(Wanted(kinds=("in_date",), seed=seed), NOW) for seed in (1, 2))
    assert lines(first)[0].leaf_sha256 != lines(second)[0].leaf_sha256
    assert first.root_pem != second.root_pem


@pytest.mark.parametrize("wanted", [1, 7, 45, 46, 47, 61])
def test_there_are_exactly_as_many_endpoints_as_asked_for(wanted: int) -> None:
    assert len(lines(estate.plan(Wanted(wanted), NOW))) == wanted


def test_a_larger_estate_repeats_the_mix_in_other_places_under_other_names() -> None:
    found = lines(estate.plan(Wanted(300), NOW))
    places = Counter((line.address, line.port, line.server_name) for line in found)
    assert len(places) == len(found) == 300
    assert Counter(line.kind for line in found)["expired"] >= 5
    assert Counter(line.kind for line in found)["rsa4096"] == estate.AT_MOST["rsa4096"]


def test_named_kinds_come_whole() -> None:
    assert [line.kind for line in lines(estate.plan(Wanted(kinds=("nodes",)), NOW))] == ["nodes"] * 3
    assert len(lines(estate.plan(Wanted(4, kinds=("nodes",)), NOW))) == 6


def test_ports_are_the_base_plus_the_standard_port() -> None:
    kinds = ("in_date", "smtp", "postgres")
    found = lines(estate.plan(Wanted(kinds=kinds, port_base=30_000), NOW))
    assert [line.port for line in found] == [30_443, 30_025, 35_432]


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        estate.plan(Wanted(kinds=("nonsense",)), NOW)


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::1", "localhost"])
def test_only_loopback_addresses_are_bound(address: str) -> None:
    with pytest.raises(ValueError, match=address):
        estate.plan(Wanted(kinds=("in_date",), bind=address), NOW)


@pytest.mark.parametrize("base", [-1, 60_000])
def test_the_port_base_leaves_room_for_all_ports(base: int) -> None:
    with pytest.raises(ValueError, match="port"):
        estate.plan(Wanted(kinds=("in_date",), port_base=base), NOW)
