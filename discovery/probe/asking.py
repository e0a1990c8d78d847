"""How we ask: OpenSSL contexts that accept whatever a server has, because we look at it instead of trusting it."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from OpenSSL import SSL

# pyOpenSSL has no public way to choose signature algorithms; its binding has (a test fails if that goes away).
from OpenSSL._util import lib as _lib

from discovery.probe.transcript import Transcript

# From ssl.h: connect to servers without RFC 5746, and take certificates uncompressed (RFC 8879).
_LEGACY_SERVER_CONNECT = 1 << 2
_NO_COMPRESSED_CERTIFICATE = 1 << 33
_RELEASE_BUFFERS = 1 << 4

_ANY = b"ALL:COMPLEMENTOFALL:!aNULL:!PSK:!SRP:@SECLEVEL=0"
_RSA = _ANY + b":!aECDSA:!aDSS"
_ECDSA = b"aECDSA:@SECLEVEL=0"
_RSA_SIGNATURES = (
    b"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    b"rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA224:RSA+SHA1"
)
_ECDSA_SIGNATURES = b"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA224:ECDSA+SHA1"


class Asking(StrEnum):
    """One way to ask. Its value is the variant under which an answer is kept."""

    DEFAULT = "default"
    RSA = "rsa"
    ECDSA = "ecdsa"
    # For servers that cannot bear TLS 1.3 or a long ClientHello; what they answer is their default.
    OLD = "old"

    @property
    def variant(self) -> str:
        return "default" if self is Asking.OLD else self.value


# AlgorithmIdentifiers of a public key (RFC 3279, 2.3.1 and 2.3.5): nothing else in a certificate uses these OIDs.
_RSA_KEY = bytes.fromhex("06092a864886f70d010101")
_EC_KEY = bytes.fromhex("06072a8648ce3d0201")


def other_key(leaf: bytes) -> Asking | None:
    """How to ask a server that showed this leaf for one of the other key type; None if that makes no sense."""
    if _RSA_KEY in leaf:
        return Asking.ECDSA
    return Asking.RSA if _EC_KEY in leaf else None


@cache
def context(asking: Asking) -> SSL.Context:
    """The context for one way to ask, made once: it is only read afterwards."""
    made = SSL.Context(SSL.TLS_METHOD)
    # We look at certificates instead of trusting them: an expired one must still be seen.
    made.set_verify(SSL.VERIFY_NONE)
    made.set_min_proto_version(SSL.TLS1_VERSION)
    made.set_options(_LEGACY_SERVER_CONNECT | _NO_COMPRESSED_CERTIFICATE)
    made.set_mode(_RELEASE_BUFFERS)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_keylog_callback(_tell)
    made.set_cipher_list({Asking.RSA: _RSA, Asking.ECDSA: _ECDSA}.get(asking, _ANY))
    _narrow(made, asking)
    return made


def _narrow(made: SSL.Context, asking: Asking) -> None:
    match asking:
        case Asking.RSA:
            _lib.SSL_CTX_set1_sigalgs_list(made._context, _RSA_SIGNATURES)
        case Asking.ECDSA:
            _lib.SSL_CTX_set1_sigalgs_list(made._context, _ECDSA_SIGNATURES)
        case Asking.OLD:
            made.set_max_proto_version(SSL.TLS1_2_VERSION)


def _tell(connection: SSL.Connection, line: bytes) -> None:
    transcript = connection.get_app_data()
    if isinstance(transcript, Transcript):
        transcript.learn(line)
