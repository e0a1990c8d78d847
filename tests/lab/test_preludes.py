"""STARTTLS in the small: what a client may say before TLS, and what the server refuses."""

import socket
from collections.abc import Iterator

import pytest

from lab import servers
from lab.manifest import Manifest


@pytest.fixture(scope="module")
def lab() -> Iterator[Manifest]:
    with servers.running(kinds=["smtp", "imap", "pop3", "ldap", "postgres"]) as manifest:
        yield manifest


def talk(lab: Manifest, protocol: str, *said: bytes, greeted: bool = True) -> list[bytes]:
    """What comes after connecting and after each thing said."""
    (line,) = lab.of(protocol)
    with socket.create_connection((line.address, line.port), timeout=5) as raw:
        answers = [raw.recv(1000)] if greeted else []
        for words in said:
            raw.sendall(words)
            answers.append(raw.recv(1000))
        return answers


def test_smtp_offers_starttls_and_takes_no_mail(lab: Manifest) -> None:
    greeting, ehlo, mail, bye = talk(lab, "smtp", b"ehlo me\r\n", b"MAIL FROM:<a@example.org>\r\n", b"QUIT\r\n")
    assert greeting.startswith(b"220 ")
    assert b"250-STARTTLS\r\n" in ehlo
    assert (mail[:3], bye[:3]) == (b"530", b"221")


def test_imap_answers_with_the_tag_of_the_client(lab: Manifest) -> None:
    _, capability, wrong, starttls = talk(lab, "imap", b"a1 capability\r\n", b"b login x y\r\n", b"x.Y starttls\r\n")
    assert b" STARTTLS " in capability
    assert capability.endswith(b"a1 OK done\r\n")
    assert wrong == b"b BAD\r\n"
    assert starttls.startswith(b"x.Y OK ")


def test_pop3_lists_stls(lab: Manifest) -> None:
    _, capa, user = talk(lab, "pop3", b"CAPA\r\n", b"USER me\r\n")
    assert b"\r\nSTLS\r\n" in capa
    assert user.startswith(b"-ERR")


def test_postgres_has_no_gss_and_takes_no_plain_start(lab: Manifest) -> None:
    gss = (8).to_bytes(4, "big") + (80877104).to_bytes(4, "big")
    plain = (8).to_bytes(4, "big") + (196608).to_bytes(4, "big")
    refused, error = talk(lab, "postgres", gss, plain, greeted=False)
    assert refused == b"N"
    assert error.startswith(b"E")


@pytest.mark.parametrize("rubbish", [b"\x30\x05\x02\x01\x01\x42\x00", b"\x30\x00", b"\x30\x84\xff\xff\xff\xff"])
def test_ldap_ends_what_is_no_starttls(lab: Manifest, rubbish: bytes) -> None:
    assert talk(lab, "ldap", rubbish, greeted=False) == [b""]


def test_endless_talk_ends(lab: Manifest) -> None:
    assert talk(lab, "smtp", *[b"NOOP\r\n"] * 20, b"")[-1] == b""


def test_a_line_without_end_ends(lab: Manifest) -> None:
    (line,) = lab.of("imap")
    with socket.create_connection((line.address, line.port), timeout=5) as raw:
        raw.recv(1000)
        with pytest.raises(ConnectionError):
            raw.sendall(b"x" * 50_000_000)
