"""The record layer (RFC 8446, 5.1; RFC 5246, 6.2.1), alerts by name, and what else may answer on a TLS port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
MAX_RECORD = 2**14 + 2048

_ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}
UNRECOGNIZED_NAME = 112
_FATAL = 2

# How servers of other protocols begin; the longest beginning stands first.
_BEGINNINGS = (
    (b"HTTP/", "plain HTTP"),
    (b"<!DOCTYPE", "plain HTTP"),
    (b"<html", "plain HTTP"),
    (b"SSH-", "SSH"),
    (b"RFB ", "VNC"),
    (b"+OK", "POP3; ask with pop3://"),
    (b"* OK", "IMAP; ask with imap://"),
    (b"* PREAUTH", "IMAP; ask with imap://"),
    (b"220", "SMTP or FTP; ask with smtp://"),
    (b"554", "SMTP; ask with smtp://"),
    (b"-ERR", "Redis or POP3"),
    (b"E\x00\x00\x00", "PostgreSQL; ask with postgres://"),
    (b"EFATAL", "PostgreSQL; ask with postgres://"),
    (b"AMQP", "AMQP"),
    (b"\xff\xfb", "telnet"),
    (b"\xff\xfd", "telnet"),
    (b"\x03\x00", "RDP"),
)


class Record(NamedTuple):
    """One record as it came: ``header`` is authenticated with the payload in TLS 1.3."""

    kind: int
    header: bytes
    payload: bytes


def alert_name(number: int) -> str:
    return f"{_ALERTS.get(number, 'unknown alert')} (alert {number})"


def fatal_alert(payload: bytes, *, every_alert_ends: bool) -> int | None:
    """The number of an alert that ends the handshake: a fatal one, or any one in TLS 1.3 (RFC 8446, 6)."""
    if len(payload) != 2 or not (payload[0] == _FATAL or every_alert_ends):
        return None
    return payload[1]


def could_be_tls(beginning: bytes) -> bool:
    """Whether these first bytes, however few, may be the beginning of a TLS record."""
    return CHANGE_CIPHER_SPEC <= beginning[0] <= APPLICATION_DATA and beginning[1:2] in (b"", b"\x03")


def says_what_it_is(beginning: bytes) -> bool:
    """Whether enough has come to name a protocol that is not TLS."""
    return len(beginning) >= 16 or b"\n" in beginning


def name_protocol(beginning: bytes) -> str:
    """Name what a server speaks instead of TLS, from the first bytes it sent."""
    start = bytes(beginning[:64]).lstrip()
    for known, name in _BEGINNINGS:
        if start.upper().startswith(known.upper()):
            return f"the server speaks {name}"
    if len(beginning) > 9 and beginning[3] == 0 and beginning[4] == 10:
        return "the server speaks MySQL"
    if len(beginning) > 4 and beginning[0] & 0x80 and beginning[2] in (0, 4):
        return "the server speaks SSL 2"
    return f"the answer begins with {bytes(beginning[:12]).hex(' ')}"


class RecordReader:
    """Cuts a byte stream into records. Bytes that are none are left alone: judging them is OpenSSL's part."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Iterator[Record]:
        self._buffer += received
        while len(self._buffer) >= 5:
            length = int.from_bytes(self._buffer[3:5])
            if length > MAX_RECORD or len(self._buffer) < 5 + length:
                return
            header, payload = bytes(self._buffer[:5]), bytes(self._buffer[5 : 5 + length])
            del self._buffer[: 5 + length]
            yield Record(header[0], header, payload)
