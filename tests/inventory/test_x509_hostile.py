"""Certificates as they should not be: read as far as they go, and never a surprise."""

import base64
import time
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.x509 import Name, NotACertificate, ParsedCertificate, parse, split_pem
from lab import der, pki
from tests.inventory import corpus

ISSUING = corpus.ISSUING
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def reasons(certificate: ParsedCertificate, part: str) -> list[str]:
    return [problem.reason for problem in certificate.problems if problem.property == part]


# What should not be, and is


def test_the_year_9999_is_normal() -> None:
    read = parse(ISSUING.issue(["a.example"], not_after=FOREVER).der)
    assert (read.not_after, read.problems) == (FOREVER, ())


def test_a_negative_serial_number_is_shown_and_named() -> None:
    read = parse(ISSUING.issue(["a.example"], serial=-255).der)
    assert read.serial_number == "-ff"
    assert reasons(read, "serial_number") == ["it is not positive"]
    assert not read.conforming


def test_a_serial_number_of_forty_bytes_is_whole_and_one_of_a_thousand_is_cut() -> None:
    whole = parse(ISSUING.issue(["a.example"], serial=(1 << 320) - 1).der)
    cut = parse(ISSUING.issue(["a.example"], serial=(1 << 8000) - 1).der)
    assert whole.serial_number == "f" * 80
    assert len(cut.serial_number or "") == 128
    assert reasons(cut, "serial_number")[0].startswith("it has 2000 digits")


def test_an_alternative_name_given_twice_is_a_problem_and_the_first_counts() -> None:
    read = parse(corpus.with_san(corpus.tagged(2, b"second.example"), names=("first.example",)))
    assert read.name == "first.example"
    assert reasons(read, "extensions") == ["2.5.29.17 is there 2 times; the first was read"]
    assert not read.conforming


def test_names_of_kinds_without_a_text_form_lose_nothing_else() -> None:
    edi = corpus.tagged(5, der.wrap(0xA1, der.wrap(0x0C, b"x")), constructed=True)
    x400 = corpus.tagged(3, der.wrap(0x30, b""), constructed=True)
    read = parse(corpus.with_san(edi, x400, corpus.tagged(2, b"a.example")))
    assert [name.kind for name in read.names] == ["edi", "x400", "dns"]
    assert read.name == "a.example"
    assert read.key_usage == ("digitalSignature",)


def test_a_nul_in_a_name_is_visible_and_never_stored() -> None:
    read = parse(corpus.with_san(corpus.tagged(2, b"bank.example\0.evil.example")))
    assert read.name == r"bank.example\00.evil.example"


def test_a_nul_in_the_subject_is_visible() -> None:
    read = parse(ISSUING.issue([], subject="bank\0evil\x1b").der)
    assert read.subject == r"CN=bank\00evil\1B"


def test_an_address_of_five_bytes_is_shown_as_hex() -> None:
    read = parse(corpus.with_san(corpus.tagged(7, b"\x0a\0\0\1\xff")))
    assert read.names == (Name("ip", "#0a000001ff"),)
    assert not read.conforming


def test_one_broken_extension_leaves_the_others() -> None:
    broken = corpus.raw_extension("2.5.29.32", b"\x30\x03\x02\x01")
    read = parse(ISSUING.issue(["a.example"], extensions=[broken]).der)
    assert read.name == "a.example"
    assert read.policies == ()
    assert reasons(read, "policies") == ["3 bytes announced, 2 there (at byte 0)"]
    assert not read.conforming


def test_a_key_of_unknown_kind_is_known_by_its_identifier_and_never_rsa() -> None:
    made = ISSUING.issue(["a.example"], key="ed25519").der
    algorithm = der.wrap(der.SEQUENCE, bytes.fromhex("06032b6570"))
    unknown = der.wrap(der.SEQUENCE, bytes.fromhex("06032a0304"))
    read = parse(corpus.replaced(made, 6, corpus.part(made, 6).replace(algorithm, unknown)))
    assert (read.key_type, read.key_label, read.key_oid) == ("unknown", "unknown (1.2.3.4)", "1.2.3.4")
    assert read.key_bits is None
    assert read.conforming


@pytest.mark.parametrize(
    ("oid", "key_type", "label"),
    [
        ("0609608648016503040314", "SLH-DSA", "SLH-DSA-SHA2-128s"),
        ("060960864801650304031f", "SLH-DSA", "SLH-DSA-SHAKE-256f"),
        ("06082b0601050507062d", "ML-DSA composite", "MLDSA65-ECDSA-P256"),
        ("060b2b0601040102820b070605", "experimental PQ", "experimental PQ (1.3.6.1.4.1.2.267.7.6.5)"),
    ],
)
def test_post_quantum_keys_are_known_by_table(oid: str, key_type: str, label: str) -> None:
    made = ISSUING.issue(["a.example"], key="ed25519").der
    key = corpus.part(made, 6).replace(
        der.wrap(der.SEQUENCE, bytes.fromhex("06032b6570")), der.wrap(der.SEQUENCE, bytes.fromhex(oid))
    )
    spki = der.wrap(der.SEQUENCE, b"".join(der.children(der.wrap(der.SEQUENCE, der.content(key)))))
    read = parse(corpus.replaced(made, 6, spki))
    assert (read.key_type, read.key_label, read.key_bits) == (key_type, label, None)


def test_an_rsa_key_with_broken_numbers_is_still_an_rsa_key() -> None:
    made = ISSUING.issue(["a.example"], key="rsa2048").der
    algorithm, _ = der.children(corpus.part(made, 6))
    key = der.wrap(der.SEQUENCE, algorithm + der.wrap(der.BIT_STRING, b"\0\x30\x7f"))
    read = parse(corpus.replaced(made, 6, key))
    assert (read.key_type, read.key_bits) == ("RSA", None)
    assert reasons(read, "key_label")


def test_a_date_that_does_not_exist_is_none_and_the_other_stays() -> None:
    made = ISSUING.issue(["a.example"])
    begins, _ = der.children(corpus.part(made.der, 4))
    validity = der.wrap(der.SEQUENCE, begins + der.wrap(der.UTC_TIME, b"270230000000Z"))
    read = parse(corpus.replaced(made.der, 4, validity))
    assert read.not_before == made.certificate.not_valid_before_utc
    assert read.not_after is None
    assert "a time that does not exist" in reasons(read, "not_after")[0]


def test_a_signed_algorithm_that_is_not_the_stated_one_is_named() -> None:
    made = ISSUING.issue(["a.example"]).der
    read = parse(corpus.replaced(made, 2, der.wrap(der.SEQUENCE, bytes.fromhex("06032b6570"))))
    assert reasons(read, "signature_algorithm")


def test_a_self_issued_certificate_of_another_key_is_not_self_signed() -> None:
    other = pki.self_signed(["a.example"], seed=2)
    swapped = corpus.replaced(pki.self_signed(["a.example"]).der, 6, corpus.part(other.der, 6))
    read = parse(swapped)
    assert (read.is_self_issued, read.is_self_signed) == (True, False)


# What is not DER, and what is not a certificate


def test_a_certificate_in_ber_is_read_through_the_lenient_reader() -> None:
    made = ISSUING.issue(["a.example"]).der
    body, *rest = der.children(made)
    ber = b"\x30\x80\x30\x80" + der.content(body) + b"\0\0" + b"".join(rest) + b"\0\0"
    read = parse(ber)
    assert (read.name, read.conforming, read.der) == ("a.example", False, ber)
    assert "it is encoded in BER, not in DER" in reasons(read, "certificate")


def test_openssls_trust_settings_after_the_certificate_are_no_obstacle() -> None:
    read = parse(ISSUING.issue(["a.example"]).der + der.wrap(der.SEQUENCE, b""))
    assert (read.name, read.conforming) == ("a.example", False)
    assert reasons(read, "certificate") == ["2 bytes follow the certificate"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", b"\x30\x80", b"\x30\x00", b"hello", b"\x30\x80" * 5000, ISSUING.der[:-1], b"\x1f\xff" * 9],
)
def test_what_is_not_a_certificate_is_refused_with_a_reason_and_a_place(data: bytes) -> None:
    with pytest.raises(NotACertificate) as refused:
        parse(data)
    assert refused.value.reason
    assert 0 <= refused.value.offset <= len(data)


def test_a_request_is_not_a_certificate() -> None:
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    with pytest.raises(NotACertificate):
        parse(request.public_bytes(Encoding.DER))


# Anything at all


def read_or_refused(data: bytes) -> ParsedCertificate | NotACertificate:
    try:
        return parse(data)
    except NotACertificate as refused:
        return refused


def is_storable(certificate: ParsedCertificate) -> bool:
    """A database takes every text: no NUL, no lone surrogate, and nothing endless."""
    texts = [str(getattr(certificate, slot)) for slot in certificate.__slots__ if slot != "der"]
    texts += [name.value for name in certificate.names]
    return all("\0" not in text and text.encode() is not None for text in texts)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_certificate_with_changed_bytes_is_read_or_refused(data: st.DataObject) -> None:
    broken = bytearray(data.draw(st.sampled_from(corpus.usual())))
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    read = read_or_refused(bytes(broken))
    assert isinstance(read, NotACertificate) or is_storable(read)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(corpus.usual()), st.data())
def test_a_certificate_with_a_piece_cut_out_or_put_in_is_read_or_refused(
    certificate: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(certificate)))
    end = data.draw(st.integers(start, len(certificate)))
    piece = data.draw(st.binary(max_size=20))
    read = read_or_refused(certificate[:start] + piece + certificate[end:])
    assert isinstance(read, NotACertificate) or is_storable(read)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert isinstance(read_or_refused(data), NotACertificate)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_byte_of_a_certificate_may_be_flipped(mask: int) -> None:
    certificate = ISSUING.issue(["www.example.org", "10.0.0.1"]).der
    for place in range(len(certificate)):
        broken = bytearray(certificate)
        broken[place] ^= mask
        read = read_or_refused(bytes(broken))
        assert isinstance(read, NotACertificate) or is_storable(read)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([None, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
def test_an_alternative_name_may_hold_anything(value: bytes, kind: int | None) -> None:
    read = parse(corpus.with_san(value if kind is None else corpus.tagged(kind, value)))
    assert is_storable(read)
    assert read.key_usage == ("digitalSignature",)


def test_a_certificate_of_a_hundred_thousand_empty_elements_takes_no_time() -> None:
    huge = corpus.with_san(b"\x82\x00" * 100_000)
    started = time.process_time()
    assert len(parse(huge).names) == 100_000
    assert time.process_time() - started < 5


# PEM


def pem_block(label: str, content: bytes) -> bytes:
    body = base64.encodebytes(content)
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), body, label.encode())


def test_pem_blocks_come_out_in_order_with_their_labels() -> None:
    text = b"bag\n" + pem_block("CERTIFICATE", b"one") + b"noise" + pem_block("RSA PRIVATE KEY", b"two")
    found = [(block.label, block.content) for block in split_pem(text)]
    assert found == [("CERTIFICATE", b"one"), ("RSA PRIVATE KEY", b"two")]


def test_pem_headers_are_left_out() -> None:
    text = pem_block("RSA PRIVATE KEY", b"two").replace(b"-----\n", b"-----\r\nDEK-Info: x\r\n\r\n", 1)
    assert [block.content for block in split_pem(text)] == [b"two"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "the END line is missing"),
        (b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----", "base64"),
        (b"-----BEGIN " + b"A" * 500, "the BEGIN line does not end"),
    ],
)
def test_broken_pem_is_named_and_what_follows_is_found(text: bytes, reason: str) -> None:
    broken, good = split_pem(text + pem_block("CERTIFICATE", b"one"))
    assert broken.content is None
    assert reason in broken.reason
    assert good.content == b"one"


def test_pem_made_of_begin_lines_takes_linear_time() -> None:
    started = time.process_time()
    assert sum(1 for _ in split_pem(b"-----BEGIN CERTIFICATE-----\n" * 40_000)) == 40_000
    assert time.process_time() - started < 2


@given(st.lists(st.sampled_from([b"-----BEGIN ", b"-----END ", b"X", b"-----", b"\n", b"AAAA", b":"])))
def test_any_pem_is_split_without_failing(parts: list[bytes]) -> None:
    for block in split_pem(b"".join(parts)):
        assert (block.content is None) == bool(block.reason)
