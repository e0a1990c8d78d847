"""Certificates with any wanted property, in one line each.

    root = pki.Authority.make("Example Root", seed=1)
    web = root.issue(["www.example.org", "10.0.0.1"], key="p384")
    old = root.issue(["old.example.org"], not_before=..., not_after=...)
    twin = root.issue(["twin.example.org"], key=web.key)
    behind = root.intermediate("Example Issuing").issue(["app.example.org"])
    alone = pki.self_signed(["printer.example.org"])

`Issued` holds the DER, the private key and the chain to send after it (without the root). The same
seed, names and order of calls give the same keys and bytes, but for RSA keys (`lab.keys`) and for
ML-DSA signatures. Serials, dates and digests that no builder agrees to write are forged
(`lab.forge`): `serial=-5`, `not_after` before `not_before`, `digest="sha1"`.
"""

import hashlib
import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import NotRequired, TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab import forge, keys, subjects
from lab.keys import PrivateKey

Names = Iterable[str | x509.GeneralName]

# Roots keep their bytes from one day to the next, so that a trust store stays right.
CA_NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
CA_NOT_AFTER = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Issued:
    """A certificate, its private key, and what a server sends after it."""

    der: bytes
    key: PrivateKey
    chain: tuple[bytes, ...] = ()

    @property
    def sha256(self) -> str:
        return fingerprint(self.der)

    @property
    def sent(self) -> tuple[bytes, ...]:
        """Leaf and chain, as a well-configured server sends them."""
        return (self.der, *self.chain)

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.der)

    @property
    def pem(self) -> str:
        return pem(self.der)

    @property
    def chain_pem(self) -> str:
        return "".join(map(pem, self.sent))

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()


class Options(TypedDict):
    """What a certificate shall say beside its names.

    subject      common name or whole name; left out: the first name; "": no subject at all
    not_before   default: 30 days before the last midnight UTC (of an authority: 2020)
    not_after    default: 90 days after not_before (of an authority: 2049)
    key          a kind of `lab.keys.KINDS`, or a key that exists already; default: p256
    digest       of the signature: sha256 (default), sha384, sha512, sha1 or md5
    serial       any integer; default: follows from seed and order
    extensions   further (extension, critical), such as AIA or CRL addresses
    """

    subject: NotRequired[str | x509.Name]
    not_before: NotRequired[datetime]
    not_after: NotRequired[datetime]
    key: NotRequired[str | PrivateKey]
    digest: NotRequired[str]
    serial: NotRequired[int]
    extensions: NotRequired[Sequence[tuple[x509.ExtensionType, bool]]]


@dataclass(frozen=True)
class Authority:
    """A CA: a root made by `make`, or one below it made by `intermediate`."""

    name: str
    issued: Issued
    chain: tuple[bytes, ...]  # what a leaf of this authority needs on its way to the root
    label: str
    _order: Iterator[int] = field(default_factory=lambda: count(1), repr=False, compare=False)

    @classmethod
    def make(cls, name: str, *, seed: int = 0, **options: Unpack[Options]) -> "Authority":
        """A root; the same name and seed give the same bytes on every day."""
        label = f"{seed}/{name}"
        key = _key(label, options)
        subject = subjects.common_name(name)
        der = _certify(_as_authority(subject, key, label, options), _Signer(subject, key), options)
        return cls(name, Issued(der, key), (), label)

    def intermediate(self, name: str, **options: Unpack[Options]) -> "Authority":
        label = f"{self.label}/{next(self._order)}/{name}"
        key = _key(label, options)
        draft = _as_authority(subjects.common_name(name), key, label, options)
        issued = Issued(_certify(draft, self._signer, options), key, self.chain)
        return Authority(name, issued, issued.sent, label)

    def issue(self, names: Names = (), **options: Unpack[Options]) -> Issued:
        """A leaf for these names: hosts in any script, wildcards, IP addresses; none: no SAN."""
        label = f"{self.label}/{next(self._order)}"
        key = _key(label, options)
        draft = _as_leaf(list(names), key, label, options)
        return Issued(_certify(draft, self._signer, options), key, self.chain)

    @property
    def der(self) -> bytes:
        return self.issued.der

    @property
    def pem(self) -> str:
        return self.issued.pem

    @property
    def key(self) -> PrivateKey:
        return self.issued.key

    @cached_property
    def certificate(self) -> x509.Certificate:
        return self.issued.certificate

    @cached_property
    def _signer(self) -> "_Signer":
        return _Signer(self.certificate.subject, self.key)


def self_signed(names: Names = (), *, seed: int = 0, **options: Unpack[Options]) -> Issued:
    """A leaf that is its own issuer; the same names and seed give the same key."""
    listed = list(names)
    label = f"{seed}/self/{listed}"
    key = _key(label, options)
    draft = _as_leaf(listed, key, label, options)
    return Issued(_certify(draft, _Signer(draft.subject, key), options), key)


def fingerprint(der: bytes) -> str:
    """SHA-256 in lower case hex, without colons."""
    return hashlib.sha256(der).hexdigest()


def pem(der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der)


class _Signer:
    """The issuer's side of a certificate."""

    def __init__(self, name: x509.Name, key: PrivateKey) -> None:
        self.name = name
        self.key = key
        self.key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


@dataclass(frozen=True)
class _Draft:
    """The holder's side of a certificate."""

    subject: x509.Name
    key: PrivateKey
    serial: int
    dates: tuple[datetime, datetime]
    extensions: Sequence[tuple[x509.ExtensionType, bool]]


def _as_leaf(names: list[str | x509.GeneralName], key: PrivateKey, label: str, options: Options) -> _Draft:
    alternative = subjects.general_names(names)
    subject = subjects.subject(options.get("subject"), alternative)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(digital_signature=True, key_encipherment=keys.is_rsa(key)), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ]
    if alternative:
        # RFC 5280, section 4.1.2.6: critical where the subject is empty.
        extensions.append((x509.SubjectAlternativeName(alternative), not list(subject)))
    begins = options.get("not_before", _midnight() - timedelta(days=30))
    ends = options.get("not_after") or begins + timedelta(days=90)
    return _draft(subject, key, label, (begins, ends), options, extensions)


def _as_authority(subject: x509.Name, key: PrivateKey, label: str, options: Options) -> _Draft:
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (_usage(digital_signature=True, key_cert_sign=True, crl_sign=True), True),
    ]
    dates = options.get("not_before", CA_NOT_BEFORE), options.get("not_after", CA_NOT_AFTER)
    return _draft(subject, key, label, dates, options, extensions)


def _draft(
    subject: x509.Name,
    key: PrivateKey,
    label: str,
    dates: tuple[datetime, datetime],
    options: Options,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> _Draft:
    # One bit less than 16 octets, and never 0: positive and short, as RFC 5280 wants it.
    serial = int.from_bytes(keys.stream(f"{label}/serial", 16), "big") >> 1 | 1
    return _Draft(
        subject,
        key,
        options.get("serial", serial),
        dates,
        [
            *extensions,
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            *options.get("extensions", ()),
        ],
    )


def _certify(draft: _Draft, signer: _Signer, options: Options) -> bytes:
    digest = options.get("digest", "sha256")
    begins, ends = draft.dates
    usual_serial = 0 < draft.serial < 1 << 159
    if usual_serial and begins <= ends and digest in keys.DIGESTS:
        return _sign(draft, signer, digest)
    harmless = replace(draft, serial=1, dates=(min(draft.dates), max(draft.dates)))
    return forge.forge(
        _sign(harmless, signer, "sha256"),
        signer.key,
        digest=digest,
        serial=draft.serial,
        dates=draft.dates,
    )


def _sign(draft: _Draft, signer: _Signer, digest: str) -> bytes:
    builder = x509.CertificateBuilder(
        issuer_name=signer.name,
        subject_name=draft.subject,
        public_key=draft.key.public_key(),
        serial_number=draft.serial,
        not_valid_before=_naive(draft.dates[0]),
        not_valid_after=_naive(draft.dates[1]),
    )
    for extension, critical in (*draft.extensions, (signer.key_id, False)):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(
        signer.key,
        keys.signing_digest(signer.key, digest),
        ecdsa_deterministic=True if keys.is_elliptic(signer.key) else None,
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def _key(label: str, options: Options) -> PrivateKey:
    wanted = options.get("key", "p256")
    return keys.make(wanted, f"{label}/{wanted}") if isinstance(wanted, str) else wanted


def _usage(**allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**dict.fromkeys(_USAGES, False) | allowed)


def _naive(moment: datetime) -> datetime:
    """The constructor of the builder, unlike its methods, takes times as they are."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
