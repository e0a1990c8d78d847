"""What a server has sent on one connection, read beside OpenSSL and not through it.

OpenSSL refuses chains above 100 kB, certificates that it cannot decode, and handshakes that end early; and it writes
back a decoded certificate, which need not be the bytes that were sent. All of these must be seen as they are. In
TLS 1.3 the messages are encrypted: OpenSSL tells the secret through its key log callback, and it never leaves here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from discovery.probe import messages, records
from discovery.probe.records import Record, RecordReader

_SECRET = b"SERVER_HANDSHAKE_TRAFFIC_SECRET"
_Cipher: TypeAlias = AESGCM | AESCCM | ChaCha20Poly1305
# Cipher suites of TLS 1.3 (RFC 8446, B.4): length of the key, what to make of it.
_SUITES: dict[int, tuple[int, Callable[[bytes], _Cipher]]] = {
    0x1301: (16, AESGCM),
    0x1302: (32, AESGCM),
    0x1303: (32, ChaCha20Poly1305),
    0x1304: (16, AESCCM),
    0x1305: (16, lambda key: AESCCM(key, 8)),
}


class Transcript:
    """Feed what was received; read ``version``, ``chain`` (None: no Certificate message yet), ``alert``."""

    def __init__(self) -> None:
        self.version = ""
        self.cipher = 0
        self.chain: tuple[bytes, ...] | None = None
        self.alert: int | None = None
        self.wants_client_certificate = False
        self._is_over = False
        self._records = RecordReader()
        self._messages = bytearray()
        self._secret = b""
        self._decryptor: _Decryptor | None = None

    @property
    def is_inside_certificate(self) -> bool:
        """A Certificate message has begun and not ended: reading on may still bring the chain."""
        return not self._is_over and self._messages[:1] == bytes([messages.CERTIFICATE])

    def learn(self, line: bytes) -> None:
        """Take a line of the key log (NSS format: label, client random, secret)."""
        label, _, rest = line.partition(b" ")
        if label == _SECRET:
            self._secret = bytes.fromhex(rest.partition(b" ")[2].decode("ascii"))

    def feed(self, received: bytes) -> None:
        """Take received bytes, after OpenSSL took them and told its secrets."""
        for record in self._records.feed(received):
            if self._is_over:
                return
            self._take(record)

    def _take(self, record: Record) -> None:
        kind, payload = record.kind, record.payload
        if kind == records.CHANGE_CIPHER_SPEC:
            self._is_over = self.version != "TLSv1.3"
            return
        if kind == records.APPLICATION_DATA:
            kind, payload = self._decrypt(record)
        if kind == records.HANDSHAKE:
            self._messages += payload
            self._read_messages()
        elif kind == records.ALERT:
            self.alert = records.fatal_alert(payload, every_alert_ends=self.version == "TLSv1.3")

    def _decrypt(self, record: Record) -> tuple[int, bytes]:
        if self._decryptor is None and self._secret and self.cipher in _SUITES:
            self._decryptor = _Decryptor(self.cipher, self._secret)
        plain = self._decryptor.open(record) if self._decryptor else b""
        self._is_over = not plain
        return (plain[-1], plain[:-1]) if plain else (0, b"")

    def _read_messages(self) -> None:
        while len(self._messages) >= 4 and not self._is_over:
            length = int.from_bytes(self._messages[1:4])
            if len(self._messages) < 4 + length:
                return
            kind, body = self._messages[0], bytes(self._messages[4 : 4 + length])
            del self._messages[: 4 + length]
            try:
                self._read(kind, body)
            except messages.MalformedError:
                self._is_over = True

    def _read(self, kind: int, body: bytes) -> None:
        match kind:
            case messages.SERVER_HELLO:
                hello = messages.read_server_hello(body)
                self.version, self.cipher = hello.version, hello.cipher
            case messages.CERTIFICATE:
                self.chain = messages.read_chain(body, self.version)
            case messages.CERTIFICATE_REQUEST:
                self.wants_client_certificate = True
            case messages.SERVER_HELLO_DONE | messages.FINISHED:
                self._is_over = True


class _Decryptor:
    """The server's handshake traffic key (RFC 8446, 7.3) and its count of records."""

    def __init__(self, cipher: int, secret: bytes) -> None:
        length, suite = _SUITES[cipher]
        self._cipher = suite(_expand(secret, b"key", length))
        self._iv = int.from_bytes(_expand(secret, b"iv", 12))
        self._count = 0

    def open(self, record: Record) -> bytes:
        """Content and its type as last byte, padding removed; empty if it is not under this key."""
        nonce = (self._iv ^ self._count).to_bytes(12)
        self._count += 1
        try:
            return self._cipher.decrypt(nonce, record.payload, record.header).rstrip(b"\0")
        except (InvalidTag, ValueError):
            return b""


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context; the secret is as long as its hash."""
    name = b"tls13 " + label
    info = length.to_bytes(2) + bytes([len(name)]) + name + b"\0"
    return HKDFExpand(SHA384() if len(secret) == 48 else SHA256(), length, info).derive(secret)
