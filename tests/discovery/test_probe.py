"""A look sees the chain as it was sent, whatever it is worth, and names every failure. No socket here."""

from __future__ import annotations

import pytest
from cryptography import x509
from OpenSSL import SSL

from discovery.probe import Place, Reason
from discovery.probe.asking import Asking, other_key
from discovery.probe.look import Look
from discovery.probe.records import name_protocol
from tests.discovery.flights import (
    GARBAGE,
    LEAF,
    NAMED,
    NOT_DER,
    PLACE,
    VERSIONS,
    alert,
    failed,
    flight,
    record,
    sent,
    shake,
    told,
)
from tests.discovery.servers import certificate, der, key, server_context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("order", ["leaf", "leaf a b", "leaf b a", "leaf leaf", "leaf a a leaf", "leaf b"])
def test_the_chain_comes_out_as_it_was_sent(version: str, order: str) -> None:
    chain = [certificate(name) for name in order.split()]
    only = VERSIONS[version]
    variant = sent(shake(Look(PLACE), server_context(*chain, lowest=only, highest=only))).variant
    assert variant.chain == tuple(der(made) for made in chain)
    assert (variant.tls_version, variant.variant) == (version, "default")


def test_openssl_reports_the_same_chain_as_our_transcript() -> None:
    chain = [certificate(name) for name in ("leaf", "b", "a", "a")]
    look = Look(PLACE)
    seen = sent(shake(look, server_context(*chain)))
    reported = look._handshake._connection.get_peer_cert_chain(as_cryptography=True)  # type: ignore[union-attr]
    assert seen.variant.chain == tuple(der(made) for made in reported or [])


def test_the_hybrid_group_and_the_cipher_are_named() -> None:
    variant = sent(shake(Look(PLACE), server_context(certificate("leaf")))).variant
    assert (variant.cipher, variant.group) == ("TLS_AES_256_GCM_SHA384", "X25519MLKEM768")


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "mldsa"])
def test_every_kind_of_key_is_seen(kind: str) -> None:
    leaf = certificate("leaf", kind)
    answered = sent(shake(Look(PLACE), server_context(leaf, kind=kind)))
    assert (answered.variant.chain, answered.detail) == ((der(leaf),), "")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("count", [300, 1500])
def test_a_chain_above_what_openssl_takes_is_read_to_its_end(version: str, count: int) -> None:
    chain = [certificate("leaf"), *[certificate("other", names=5)] * count]
    only = VERSIONS[version]
    answered = sent(shake(Look(PLACE), server_context(*chain, lowest=only, highest=only)))
    assert len(answered.variant.chain) == count + 1
    assert "not finished: excessive message size" in answered.detail


def test_more_than_a_mebibyte_is_too_large_and_not_down() -> None:
    chain = [certificate("leaf"), *[certificate("other", names=100)] * 600]
    reason, detail = failed(shake(Look(PLACE), server_context(*chain)))
    assert (reason, detail) == (Reason.MESSAGE_TOO_LARGE, "the server sent more than 1,048,576 bytes")


def test_the_server_name_is_sent_only_when_one_is_given() -> None:
    asked: list[bytes | None] = []
    context = server_context(certificate("leaf"))
    context.set_tlsext_servername_callback(lambda connection: asked.append(connection.get_servername()))
    shake(Look(PLACE), context)
    shake(Look(NAMED), context)
    assert asked == [None, b"www.example.org"]


def test_a_requested_client_certificate_is_noted() -> None:
    context = server_context(certificate("leaf"))
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    assert sent(shake(Look(PLACE), context)).detail == "a client certificate is requested"


def test_a_required_client_certificate_does_not_hide_the_chain() -> None:
    context = server_context(certificate("leaf"), highest=SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    answered = sent(shake(Look(PLACE), context))
    assert answered.variant.chain == (der(certificate("leaf")),)
    assert answered.detail.startswith("a client certificate is requested; the handshake was not finished: ")


@pytest.mark.parametrize("octets", [GARBAGE, NOT_DER, b"", b"\x00", LEAF[:-1], LEAF + b"\x00"])
def test_certificates_that_nobody_can_read_come_out_byte_for_byte(octets: bytes) -> None:
    answered = sent(told(flight([octets, LEAF])).answer)  # type: ignore[arg-type]
    assert answered.variant.chain == (octets, LEAF)
    assert answered.variant.tls_version == "TLSv1.2"
    assert "not finished" in answered.detail


def test_an_empty_list_is_no_certificate() -> None:
    assert failed(told(flight([])).answer)[0] == Reason.NO_CERTIFICATE


@pytest.mark.parametrize(
    ("octets", "place", "expected"),
    [
        (alert(112), PLACE, (Reason.SERVER_NAME_REQUIRED, "unrecognized_name (alert 112)")),
        (alert(112), NAMED, (Reason.TLS_ALERT, "unrecognized_name (alert 112)")),
        (alert(40), PLACE, (Reason.TLS_ALERT, "handshake_failure (alert 40); no server name was given")),
        (alert(40), NAMED, (Reason.TLS_ALERT, "handshake_failure (alert 40)")),
        (alert(199), PLACE, (Reason.TLS_ALERT, "unknown alert (alert 199); no server name was given")),
        (alert(112, level=1), PLACE, (Reason.CLOSED_EARLY, "the server closed the connection")),
        (b"", PLACE, (Reason.CLOSED_EARLY, "the server closed the connection")),
        (b"\x16\x03", PLACE, (Reason.CLOSED_EARLY, "the server closed the connection")),
        (b"HTTP/1.1 400 Bad Request\r\n", PLACE, (Reason.NOT_TLS, "the server speaks plain HTTP")),
        (b"H", PLACE, (Reason.NOT_TLS, "the answer begins with 48")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", PLACE, (Reason.NOT_TLS, "the server speaks SSH")),
        (b"220 mx ESMTP\r\n", PLACE, (Reason.NOT_TLS, "the server speaks SMTP or FTP; ask with smtp://")),
        (b"* OK IMAP\r\n", PLACE, (Reason.NOT_TLS, "the server speaks IMAP; ask with imap://")),
        (b"\x16\x02junk", PLACE, (Reason.NOT_TLS, "the answer begins with 16 02 6a 75 6e 6b")),
    ],
)
@pytest.mark.parametrize("at_once", [1, 4096])
def test_what_is_no_handshake_is_named(octets: bytes, place: Place, expected: object, at_once: int) -> None:
    assert failed(told(octets, place, at_once=at_once).answer) == expected


def test_mysql_and_ssl_2_are_named_from_their_binary_greetings() -> None:
    assert name_protocol(b"\x4a\x00\x00\x00\x0a8.0.36\x00") == "the server speaks MySQL"
    assert name_protocol(b"\x80\x25\x04\x00\x01\x00\x02") == "the server speaks SSL 2"


def test_garbage_inside_tls_is_a_protocol_error() -> None:
    assert failed(told(record(22, b"\x63garbage and more of it")).answer)[0] == Reason.PROTOCOL_ERROR


def test_a_deadline_of_ours_keeps_the_chain_that_came_before_it() -> None:
    look = Look(PLACE)
    look.opening()
    look.receive(flight([LEAF])[:-9])
    look.give_up(Reason.TIMED_OUT, "too slow")
    answered = sent(look.answer)  # type: ignore[arg-type]
    assert answered.variant.chain == (LEAF,)
    assert answered.detail == "the handshake was not finished: too slow"


def test_starttls_comes_before_the_handshake() -> None:
    look = Look(Place("192.0.2.1", 143, protocol="imap"))
    assert look.opening() == b""
    assert look.receive(b"* OK hello\r\n") == b"a1 STARTTLS\r\n"
    assert look.receive(b"a1 OK\r\n").startswith(b"\x16\x03\x01")


def test_refused_starttls_is_told_with_the_words_of_the_server() -> None:
    look = Look(Place("192.0.2.1", 110, protocol="pop3"))
    look.opening()
    look.receive(b"-ERR no\r\n")
    assert failed(look.answer) == (Reason.STARTTLS_REFUSED, "no POP3 greeting; the server said “-ERR no”")


@pytest.fixture(scope="module")
def dual() -> dict[str, SSL.Context]:
    """The same RSA and ECDSA server, for TLS 1.2 and for 1.3."""

    def make(only: int) -> SSL.Context:
        context = server_context(certificate("leaf"), lowest=only, highest=only)
        context.use_privatekey(key("rsa"))
        context.use_certificate(certificate("twin", "rsa"))
        return context

    return {version: make(VERSIONS[version]) for version in ("TLSv1.2", "TLSv1.3")}


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_dual_server_shows_the_certificate_that_is_asked_for(dual: dict[str, SSL.Context], version: str) -> None:
    ecdsa = sent(shake(Look(PLACE, Asking.ECDSA), dual[version])).variant
    rsa = sent(shake(Look(PLACE, Asking.RSA), dual[version])).variant
    assert (ecdsa.variant, ecdsa.chain) == ("ecdsa", (der(certificate("leaf")),))
    assert (rsa.variant, rsa.chain) == ("rsa", (der(certificate("twin", "rsa")),))


@pytest.mark.parametrize(
    ("made", "asking"),
    [
        (certificate("leaf"), Asking.RSA),
        (certificate("leaf", "rsa"), Asking.ECDSA),
        (certificate("leaf", "ed25519"), None),
        (certificate("leaf", "mldsa"), None),
    ],
)
def test_only_rsa_and_ecdsa_have_another_type_to_ask_for(made: x509.Certificate, asking: Asking | None) -> None:
    assert other_key(der(made)) == asking


def test_the_old_way_of_asking_is_short_and_ends_with_tls_1_2() -> None:
    assert len(Look(PLACE, Asking.OLD).opening()) < 512 < len(Look(PLACE).opening())
    answered = sent(shake(Look(PLACE, Asking.OLD), server_context(certificate("leaf"))))
    assert (answered.variant.tls_version, answered.variant.variant) == ("TLSv1.2", "default")
