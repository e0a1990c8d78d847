"""Each dialogue reaches the handshake, or says why not, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.starttls import MAX_CLEAR_TEXT, Dialogue, is_known

LDAP_OK = bytes.fromhex("300c02010178070a010004000400")
LDAP_OK_LONG = bytes.fromhex("3084000000100201017884000000070a010004000400")
LDAP_REFUSED = bytes.fromhex("300c02010178070a013404000400")

GOOD = [
    ("smtp", [b"220-mx.example.org\r\n220 ready\r\n", b"250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n", b"220 go\r\n"]),
    ("smtp", [b"220 ready\n", b"250-mx\n250 starttls \n", b"220 go\n"]),
    ("imap", [b"* OK ready\r\n", b"* CAPABILITY IMAP4\r\na1 OK begin\r\n"]),
    ("pop3", [b"+OK ready\r\n", b"+OK begin\r\n"]),
    ("ldap", [LDAP_OK]),
    ("ldap", [LDAP_OK_LONG]),
    ("postgres", [b"S"]),
]
BAD = [
    ("smtp", [b"554 go away\r\n"], "no SMTP greeting; the server said “554 go away”"),
    ("smtp", [b"SSH-2.0-x\r\n"], "no SMTP greeting; the server said “SSH-2.0-x”"),
    ("smtp", [b"220 x\r\n", b"250 mx\r\n"], "STARTTLS is not offered"),
    ("smtp", [b"220 x\r\n", b"502 what\r\n"], "EHLO was refused; the server said “502 what”"),
    ("smtp", [b"220 x\r\n", b"250 STARTTLS\r\n", b"454 not now\r\n"], "STARTTLS was refused"),
    ("smtp", [b"220 x\r\n", b"250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n"], "the server went on in clear text"),
    ("imap", [b"* BYE full\r\n"], "no IMAP greeting that lets us in"),
    ("imap", [b"* OK\r\n", b"a1 BAD no\r\n"], "STARTTLS was refused"),
    ("pop3", [b"-ERR\r\n"], "no POP3 greeting"),
    ("pop3", [b"+OK\r\n", b"-ERR\r\n"], "STLS was refused"),
    ("ldap", [LDAP_REFUSED], "StartTLS was refused"),
    ("ldap", [b"HTTP/1.1 400"], "no LDAP message"),
    ("ldap", [b"\x30\x84\xff\xff\xff\xff"], "no LDAP message"),
    ("ldap", [b"\x30\x83\xff\xff\xff"], "no LDAP message of a sensible length"),
    ("postgres", [b"N"], "the PostgreSQL server has TLS switched off"),
    ("postgres", [b"EFATAL"], "no PostgreSQL answer; the server said “EFATAL”"),
]


def talk(protocol: str, replies: list[bytes], size: int) -> Dialogue:
    dialogue = Dialogue(protocol)
    for reply in replies:
        for at in range(0, len(reply), size):
            dialogue.receive(reply[at : at + size])
    return dialogue


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(("protocol", "replies"), GOOD)
def test_the_handshake_may_begin_after_the_dialogue(protocol: str, replies: list[bytes], size: int) -> None:
    dialogue = talk(protocol, replies, size)
    assert (dialogue.is_ready, dialogue.refused) == (True, "")


@pytest.mark.parametrize(("protocol", "replies", "reason"), BAD)
def test_a_refusal_says_why(protocol: str, replies: list[bytes], reason: str) -> None:
    dialogue = talk(protocol, replies, 1000)
    assert not dialogue.is_ready
    assert dialogue.refused.startswith(reason)


@pytest.mark.parametrize(
    ("protocol", "opening", "replies", "sent"),
    [
        ("smtp", b"", [b"220 x\r\n", b"250 STARTTLS\r\n"], b"EHLO certdash.invalid\r\nSTARTTLS\r\n"),
        ("imap", b"", [b"* OK\r\n"], b"a1 STARTTLS\r\n"),
        ("pop3", b"", [b"+OK\r\n"], b"STLS\r\n"),
        ("ldap", bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037", [], b""),
        ("postgres", bytes.fromhex("0000000804d2162f"), [], b""),
    ],
)
def test_what_is_sent_is_what_the_standards_say(
    protocol: str, opening: bytes, replies: list[bytes], sent: bytes
) -> None:
    dialogue = Dialogue(protocol)
    assert dialogue.opening == opening
    assert b"".join(dialogue.receive(reply) for reply in replies) == sent


def test_a_server_that_never_stops_greeting_is_refused() -> None:
    dialogue = talk("smtp", [b"220-more\r\n" * (MAX_CLEAR_TEXT // 8)], 4096)
    assert dialogue.refused == "the server sent too much clear text"


def test_a_hostile_greeting_is_shown_without_control_characters() -> None:
    refused = talk("pop3", [b"\x1b[2Jgone\x00\xff" + b"x" * 5000 + b"\n"], 9000).refused
    assert refused.isprintable()
    assert len(refused) < 200


@given(st.sampled_from(["smtp", "imap", "pop3", "ldap", "postgres"]), st.lists(st.binary(min_size=1), max_size=8))
def test_no_bytes_break_a_dialogue(protocol: str, chunks: list[bytes]) -> None:
    dialogue = Dialogue(protocol)
    for chunk in chunks:
        if dialogue.is_ready or dialogue.refused:
            break
        dialogue.receive(chunk)
    assert not (dialogue.is_ready and dialogue.refused)


@given(st.binary(min_size=8, max_size=40))
def test_no_ldap_body_breaks_the_dialogue(body: bytes) -> None:
    dialogue = talk("ldap", [b"\x30" + bytes([len(body)]) + body], 100)
    assert dialogue.is_ready or dialogue.refused


def test_plain_tls_has_no_dialogue() -> None:
    assert is_known("smtp")
    assert not is_known("tls")
