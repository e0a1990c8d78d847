"""The form of chains, the stores they are judged by, and chains made to hurt."""

import time
from datetime import UTC, date, datetime, timedelta

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.trust import NotJudged, Trusted, build_path, chain_shape, mozilla_roots, store_from_pem
from inventory.x509 import parse
from lab import pki
from lab.pki import Authority
from tests.inventory import corpus

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
ROOT, ISSUING = corpus.ROOT, corpus.ISSUING
DATES = {"not_before": NOW - timedelta(days=30), "not_after": NOW + timedelta(days=60)}
LEAF = ISSUING.issue(["www.example.org"], not_before=DATES["not_before"], not_after=DATES["not_after"])
STRANGER = Authority.make("Stranger Root")
STORE = store_from_pem("Example roots", ROOT.pem)


# The form of a chain


def test_a_right_chain_has_no_oddities() -> None:
    shape = chain_shape(LEAF.sent, (STORE,))
    assert shape.judged
    assert shape.order_ok
    assert (shape.path_positions, shape.superfluous, shape.root_sent, shape.missing) == ((0, 1), (), None, "")


def test_a_root_that_was_sent_is_no_fault() -> None:
    shape = chain_shape([*LEAF.sent, ROOT.der], (STORE,))
    assert (shape.root_sent, shape.superfluous, shape.order_ok) == (2, (), True)


def test_misplaced_certificates_are_named_by_position() -> None:
    leaf, issuing = LEAF.sent
    assert chain_shape([leaf, ROOT.der, issuing], (STORE,)).misplaced == (2, 1)
    assert chain_shape([leaf, ROOT.der, issuing], (STORE,)).superfluous == ()


def test_superfluous_certificates_are_named_with_the_reason() -> None:
    leaf, issuing = LEAF.sent
    shape = chain_shape([leaf, STRANGER.der, issuing, issuing, b"junk"], (STORE,))
    assert shape.order_ok
    assert [(found.position, found.name, found.why) for found in shape.superfluous] == [
        (1, "Stranger Root", "nothing on the path was issued by it"),
        (3, "Example Issuing", "it was sent before"),
        (4, "", "it could not be read"),
    ]


def test_a_cross_signed_twin_is_not_superfluous() -> None:
    leaf, issuing = LEAF.sent
    cross = STRANGER.intermediate("Example Issuing", key=ISSUING.key)
    assert chain_shape([leaf, issuing, cross.der], (STORE,)).superfluous == ()


def test_the_missing_issuer_is_named() -> None:
    assert chain_shape([LEAF.der], (STORE,)).missing == "Example Issuing"
    assert chain_shape([LEAF.der, STRANGER.der], (STORE,)).missing == "Example Issuing"
    assert chain_shape([pki.self_signed(["a.example"]).der], (STORE,)).missing == ""


def test_the_form_does_not_depend_on_the_time_or_on_parsing() -> None:
    parsed = [parse(certificate) for certificate in LEAF.sent]
    assert chain_shape(parsed, (STORE,)) == chain_shape(LEAF.sent, (STORE,))


# Stores


def test_the_roots_of_mozilla_are_dated_and_all_readable() -> None:
    roots = mozilla_roots()
    assert (roots.name, roots.refused) == ("Mozilla roots", ())
    assert roots.date is not None
    assert roots.date >= date(2026, 10, 18)
    assert len(roots.anchors) > 100
    assert all(anchor.is_self_issued for anchor in roots.anchors)
    assert mozilla_roots() is roots


def test_every_root_of_mozilla_is_trusted_by_its_own_store() -> None:
    for anchor in mozilla_roots().anchors:
        found = mozilla_roots().anchor_like(anchor)
        assert found is not None
        assert found.spki_sha256 == anchor.spki_sha256


def test_a_store_says_what_in_it_is_no_certificate() -> None:
    text = f"{ROOT.pem}{ROOT.pem}{LEAF.key_pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    made = store_from_pem("Mine", text, date(2026, 1, 1))
    assert (len(made.anchors), made.date) == (1, date(2026, 1, 1))
    assert ["PRIVATE KEY" in made.refused[0], "not a certificate" in made.refused[1]] == [True, True]


# Chains made to hurt


def test_a_hundred_authorities_of_one_name_end_in_no_judgement_and_soon() -> None:
    first = Authority.make("Knot")
    knots = [first.intermediate("Knot", key=first.key).der for _ in range(120)]
    leaf = first.issue(["a.example"]).der
    started = time.process_time()
    assert isinstance(build_path([leaf, *knots], (STORE,), NOW), NotJudged)
    assert not chain_shape([leaf, *knots], (STORE,)).judged
    assert time.process_time() - started < 2


def test_roots_that_signed_each_other_are_not_followed_in_circles() -> None:
    there = STRANGER.intermediate("Example Root", key=ROOT.key)
    back = ROOT.intermediate("Stranger Root", key=STRANGER.key)
    chain = [*LEAF.sent, there.der, back.der, STRANGER.der]
    assert isinstance(build_path(chain, (STORE,), NOW), Trusted)
    assert chain_shape(chain, (STORE,)).superfluous == ()


PIECES = (*LEAF.sent, ROOT.der, STRANGER.der, *corpus.usual()[:6], b"", b"junk")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8), st.data())
def test_any_chain_has_an_answer(chain: list[bytes], data: st.DataObject) -> None:
    if chain and chain[0]:
        broken = bytearray(chain[0])
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.sampled_from([0, 1, 0x80]))
        chain[0] = bytes(broken)
    assert build_path(chain, (STORE,), NOW).sentence
    positions = chain_shape(chain, (STORE,)).path_positions
    assert len(set(positions)) == len(positions)


def strictly(chain: list[bytes]) -> bool:
    """What `cryptography` says, with the profile of public certificates."""
    verifier = PolicyBuilder().store(Store([ROOT.certificate])).time(NOW)
    leaf, *others = (x509.load_der_x509_certificate(certificate) for certificate in chain)
    try:
        verifier.build_server_verifier(x509.DNSName("www.example.org")).verify(leaf, others)
    except VerificationError:
        return False
    return True


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*LEAF.sent, ROOT.der, STRANGER.der]), max_size=4))
def test_what_a_strict_verifier_trusts_is_trusted_and_the_other_way_round(others: list[bytes]) -> None:
    found = build_path([LEAF.der, *others], (STORE,), NOW)
    assert isinstance(found, Trusted) == strictly([LEAF.der, *others])
