"""Rules of ownership: what a pattern fits, which rule speaks first, and who stands in where none does."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.addresses import pack
from inventory.ownership import (
    FIELDS,
    Facts,
    Fallbacks,
    Place,
    Rule,
    RuleBook,
    Said,
    bounds_of,
    decide,
    fits,
    name_pattern,
    unreadable_label,
)

WEB = Rule(1, "Web farm", name_pattern="*.web.example.com", gives={"team": 7})


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*.web.example.com", "shop.web.example.com", True),
        ("*.web.example.com", "a.b.web.example.com", True),  # any characters, dots included
        ("*.web.example.com", "*.web.example.com", True),  # the name of a wildcard certificate
        ("*.web.example.com", "web.example.com", False),
        ("*.web.example.com", "shop.web.example.com.evil.test", False),
        ("www.example.com", "www.example.com", True),
        ("www.example.com", "wwwxexample.com", False),  # a dot is a dot
        ("web-*-prod.example.com", "web-12-prod.example.com", True),
        ("web-*-prod.example.com", "web-prod.example.com", False),
        ("*", "", True),
        ("aba*aba", "aba", False),  # the two ends do not share letters
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, name: str, *, expected: bool) -> None:
    assert fits(pattern, name) is expected


@given(st.text("ab*.", max_size=12), st.text("ab.", max_size=16))
def test_patterns_fit_what_an_expression_would_fit(pattern: str, text: str) -> None:
    expression = re.compile(fnmatch.translate(pattern), re.ASCII)
    assert fits(pattern, text) == bool(expression.match(text))


def test_a_hostile_pattern_costs_no_more_than_a_look() -> None:
    began = time.perf_counter()
    assert not fits("*a" * 120 + "b", "a" * 100_000)
    assert time.perf_counter() - began < 0.1


def test_patterns_of_names_are_compared_as_names_are() -> None:
    assert name_pattern(" *.BÜCHER.example. ") == "*.xn--bcher-kva.example"
    assert name_pattern("***.example") == "*.example"
    assert unreadable_label("www*.bücher.example") == ""
    assert unreadable_label("bü*.example") == "bü*"


def test_all_conditions_that_are_given_must_hold() -> None:
    rule = Rule(1, "x", name_pattern="*.example.com", network="10.0.0.0/8", tag="Shop", gives={"team": 1})
    whole = Facts(names=["a.example.com"], addresses=[("default", pack("10.1.2.3"))], tags=["shop"])
    assert rule.holds(whole)
    assert not rule.holds(Facts(names=["a.example.com"], addresses=[("default", pack("11.1.2.3"))], tags=["shop"]))
    assert not rule.holds(Facts(names=["a.example.com"], addresses=[("default", pack("10.1.2.3"))]))
    assert RuleBook([rule, WEB]).asks == {"names", "addresses", "tags"}


def test_a_rule_without_conditions_fits_nothing() -> None:
    assert decide([Rule(1, "empty", gives={"team": 1})], Facts(names=["a.example.com"])) == {}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (WEB, "Rule “Web farm”: a name fits *.web.example.com"),
        (Rule(1, "One", name_pattern="shop.web.example.com"), "Rule “One”: it is for shop.web.example.com"),
        (Rule(1, "DC", network="2001:db8::/32"), "Rule “DC”: it is served in 2001:db8::/32"),
        (Rule(1, "PKI", issuer_pattern="CN=corp*"), "Rule “PKI”: its issuer fits CN=corp*"),
        (Rule(1, "Tag", tag="shop"), "Rule “Tag”: it has the tag shop"),
        (Rule(1, "S", source_pattern="data*"), "Rule “S”: the source “data*” saw it"),
        (Rule(1, "F", custom_field="Room", custom_value="b*"), "Rule “F”: Room is b*"),
        (Rule(1, "G", custom_field="room"), "Rule “G”: it has the field room"),
        (Rule(1, "T", tag="shop", issuer_pattern="*"), "Rule “T”: its issuer fits *, and it has the tag shop"),
    ],
)
def test_each_condition_says_why(rule: Rule, words: str) -> None:
    facts = Facts(
        names=["shop.web.example.com"], addresses=[("default", pack("2001:db8::1"))], tags=["shop"],
        issuers=["Corporate CA", "CN=Corporate CA,O=Example"], sources=["Data centre"], custom={"room": "B7"},
    )  # fmt: skip
    assert rule.holds(facts)
    assert rule.reason == words
    assert not rule.holds(Facts())


def test_a_reason_is_never_longer_than_its_column() -> None:
    assert len(Rule(1, "n" * 100, name_pattern="a" * 255, issuer_pattern="b" * 255).reason) == 300


def test_a_network_that_is_none_fits_nothing() -> None:
    assert not Rule(1, "x", network="10.0.0.1/8").holds(Facts(addresses=[("default", pack("10.0.0.1"))]))


def test_the_first_rule_that_says_something_of_a_field_decides_it() -> None:
    rules = [
        Rule(1, "Environment", name_pattern="*.test.*", gives={"environment": "test"}),
        Rule(2, "Web", name_pattern="*.example.com", gives={"team": 7, "environment": "production"}),
        Rule(3, "Rest", name_pattern="*", gives={"team": 8, "application": "rest"}),
    ]
    said = decide(rules, Facts(names=["a.test.example.com"]))
    assert {name: (one.value, one.rule) for name, one in said.items()} == {
        "environment": ("test", 1),
        "team": (7, 2),
        "application": ("rest", 3),
    }
    assert said["team"].reason == "Rule “Web”: a name fits *.example.com"


GIVES = st.dictionaries(st.sampled_from(FIELDS), st.integers(1, 3), max_size=4)
RULES = st.lists(st.tuples(st.sampled_from(["*", "a*", "*b", "ab", ""]), st.sampled_from(["", "t"]), GIVES), max_size=6)


@given(RULES, st.lists(st.text("ab", max_size=3), max_size=3), st.sampled_from([(), ("t",)]))
def test_deciding_is_asking_each_field_alone(
    made: list[tuple[str, str, dict[str, int | str]]], names: list[str], tags: tuple[str, ...]
) -> None:
    rules = [Rule(at, f"r{at}", name_pattern=name, tag=tag, gives=gives) for at, (name, tag, gives) in enumerate(made)]
    facts = Facts(names=names, tags=tags)
    alone = {
        name: Said(rule.gives[name], rule.key, rule.reason)
        for name in FIELDS
        for rule in [next((rule for rule in rules if name in rule.gives and rule.holds(facts)), None)]
        if rule is not None
    }
    assert decide(rules, facts) == alone
    assert RuleBook(rules).decide(facts) == alone


CONDITIONS = st.fixed_dictionaries(
    {
        "name_pattern": st.sampled_from(["", "a.b", "*.b", "*b", "a*", "*", "*.b.*"]),
        "network": st.sampled_from(["", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.2", "::/0", "none"]),
        "issuer_pattern": st.sampled_from(["", "CA*", "x"]),
        "tag": st.sampled_from(["", "t"]),
        "source_pattern": st.sampled_from(["", "s*"]),
        "custom_field": st.sampled_from(["", "room"]),
        "custom_value": st.sampled_from(["", "b*"]),
        "gives": GIVES,
    }
)
FACTS = st.builds(
    Facts,
    names=st.lists(st.sampled_from(["a.b", "b", "c.a.b", ".b", "*.b", "a.b.c"]), max_size=2),
    addresses=st.lists(st.sampled_from([("default", pack(f"10.0.0.{n}")) for n in (1, 2, 3, 4)]), max_size=2),
    issuers=st.lists(st.sampled_from(["ca 1", "x"]), max_size=2),
    tags=st.lists(st.sampled_from(["t", "u"]), max_size=2),
    sources=st.lists(st.sampled_from(["S1", "t"]), max_size=2),
    custom=st.dictionaries(st.sampled_from(["Room", "x"]), st.sampled_from(["", "B7"]), max_size=2),
)


@given(st.lists(CONDITIONS, max_size=6), st.lists(FACTS, min_size=1, max_size=3))
def test_the_book_answers_as_its_rules_do(made: list[dict[str, Any]], asked: list[Facts]) -> None:
    rules = [Rule(at, f"r{at}", **columns) for at, columns in enumerate(made, 1)]
    book = RuleBook(rules)
    assert [book.decide(facts) for facts in asked] == [decide(rules, facts) for facts in asked]


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(ADDRESSES, st.integers(0, 128))
def test_an_address_is_in_the_networks_around_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int
) -> None:
    network = ipaddress.ip_network((address, bits % (address.max_prefixlen + 1)), strict=False)
    first, last = bounds_of(str(network))
    assert first <= pack(str(address)) <= last
    assert bounds_of(str(address)) == (pack(str(address)),) * 2


def _place(text: str, team: int, zone: str = "default") -> Place:
    return Place(zone, text, *bounds_of(text), team)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(22, 32)), max_size=8), st.integers(0, 1023))
def test_the_most_specific_network_stands_in(drawn: list[tuple[int, int]], at: int) -> None:
    networks = dict.fromkeys(ipaddress.ip_network(((10 << 24) + low * 4, bits), strict=False) for low, bits in drawn)
    address = ipaddress.ip_address((10 << 24) + at)
    fallbacks = Fallbacks.of({}, [_place(str(network), n) for n, network in enumerate(networks, 1)])
    said = fallbacks.say(Facts(addresses=[("default", pack(str(address)))]))
    around = [(network.prefixlen, n) for n, network in enumerate(networks, 1) if address in network]
    assert (said.value if said else None) == (max(around)[1] if around else None)


def test_a_source_comes_before_a_network_and_the_one_that_looks_before_all() -> None:
    facts = Facts(addresses=[("default", pack("10.0.0.1"))], sources=["unknown", "East"])
    fallbacks = Fallbacks.of({"East": 1}, [_place("10.0.0.0/8", 2)])
    assert fallbacks.say(facts) == Said(1, None, "Found by the source “East” of this team.")
    assert Fallbacks.of({}, [_place("10.0.0.0/8", 2)]).say(facts) == Said(
        2, None, "It is in the network “10.0.0.0/8” of this team."
    )
    assert Fallbacks.of({}, [_place("10.0.0.0/8", 2, "dmz")]).say(facts) is None
    first = Said(3, None, "now")
    assert Fallbacks.of({"East": 1}, [], first).say(facts) == first
    assert not Fallbacks.of({}, [])
