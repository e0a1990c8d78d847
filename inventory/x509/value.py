"""What is known of one certificate, as values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class NotACertificate(ValueError):  # noqa: N818 - it is what the bytes are, and reads so where it is caught
    """The bytes do not have the outer shape of a certificate (RFC 5280, section 4.1)."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(f"not a certificate: {reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the certificate that is not as it should be.

    `property` is the name of the field of ParsedCertificate that suffers, or "certificate" for the
    whole; where nothing could be read, that field is None or empty.
    """

    property: str
    reason: str


class Name(NamedTuple):
    r"""One subject alternative name, as signed.

    `kind` is dns, ip, email, uri, dirname, rid, other, x400 or edi. Values are as the certificate
    spells them (not lower case), with control characters written `\0A`; an ip that has no
    4 or 16 bytes, and kinds without a text form, are `#` and hex.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension as it stands in the certificate, known to us or not."""

    oid: str
    critical: bool


@dataclass(frozen=True, slots=True)
class ParsedCertificate:
    r"""One certificate, read as far as it can be read.

    Text holds no NUL and no other control character (they are written `\00`, RFC 4514 section
    2.4), and is cut: labels after 200 characters, alternative names after 1,024, the rest after
    4,096. It is still hostile: escape it where it is shown.

    Attributes:
        der: the bytes as given.
        sha256: of those bytes, hex.
        name: what people call it: its first SAN (dns, then ip, email, uri, the rest), else the
            subject's CN, else the subject, else "no name". Never the CN where there is a SAN.
        subject, issuer: RFC 4514 text, most specific part first; "" if empty, None if unreadable.
        subject_cn: the most specific common name, or "".
        issuer_label: short: CN, else O, else the text, else "no name".
        issuer_key, subject_key: SHA-256 (hex) of the name's DER, for equality.
        serial_number: hex, lower case, whole bytes, with a minus sign if negative.
        not_before, not_after: aware, UTC.
        key_type: RSA, EC, DSA, Ed25519, Ed448, X25519, X448, ML-DSA, SLH-DSA, ML-KEM,
            "ML-DSA composite", HSS/LMS, XMSS, "experimental PQ" or unknown.
        key_bits: None where a number of bits says nothing (post-quantum, unknown).
        key_curve: "P-256", …; an OID if unknown; "" where there is none.
        key_label: for people: "RSA 2048", "ECDSA P-256", "ML-DSA-65", "unknown (1.2.3)".
        signature_hash: "sha256", "md5", …; None if the algorithm is unknown or has none of its own.
        is_ca: from basicConstraints; without it False, but None in versions 1 and 2.
        is_self_issued: subject and issuer are the same bytes.
        is_self_signed: the certificate's own key verifies its signature; None if not checkable.
        subject_key_id, authority_key_id: hex or "".
        conforming: a strict reader takes the certificate and each of its parts. An algorithm that
            it does not know is no fault.

    """

    der: bytes = field(repr=False)
    sha256: str
    name: str
    version: int | None
    serial_number: str | None
    subject: str | None
    subject_cn: str
    subject_key: str
    issuer: str | None
    issuer_label: str
    issuer_organisation: str
    issuer_key: str
    not_before: datetime | None
    not_after: datetime | None
    key_type: str
    key_bits: int | None
    key_curve: str
    key_label: str
    key_oid: str
    spki_sha256: str
    signature_algorithm: str
    signature_oid: str
    signature_hash: str | None
    names: tuple[Name, ...]
    is_ca: bool | None
    path_length: int | None
    is_self_issued: bool
    is_self_signed: bool | None
    subject_key_id: str
    authority_key_id: str
    key_usage: tuple[str, ...]
    extended_key_usage: tuple[str, ...]
    policies: tuple[str, ...]
    aia_issuers: tuple[str, ...]
    ocsp_urls: tuple[str, ...]
    crl_urls: tuple[str, ...]
    sct_count: int
    must_staple: bool
    is_precertificate: bool
    extensions: tuple[Extension, ...]
    conforming: bool
    problems: tuple[Problem, ...]
