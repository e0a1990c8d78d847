"""Every form of file: certificates come out with their place, keys and other things are refused with a sentence."""

from __future__ import annotations

import base64
import io
import subprocess
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates

from inventory.sources import KEY_REASON, NEEDS_PASSWORD, WRONG_PASSWORD, is_pkcs12
from lab import pki
from tests.inventory.brought import found_in, leaf, leaves, pkcs12, told
from tests.inventory.corpus import ISSUING

ONE = leaf(1)
KEY = ONE.key


def ders(data: bytes, password: str = "") -> list[bytes]:
    return [found.der for found in found_in(data, password) if found.der]


def reasons(data: bytes, password: str = "") -> list[str]:
    return [found.reason for found in found_in(data, password) if not found.der]


def request() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def revocation_list() -> bytes:
    at = ONE.certificate.not_valid_before_utc
    builder = x509.CertificateRevocationListBuilder().issuer_name(ISSUING.certificate.subject)
    signed = builder.last_update(at).next_update(at).sign(ISSUING.key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            archive.writestr(name, "<x/>")
    return out.getvalue()


def public_key() -> bytes:
    return KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "data",
    [
        ONE.pem.encode(),
        b"subject: CN = brought1\r\n" + ONE.pem.replace("\n", "\r\n").encode() + b"-- \r\nend of mail",
        ONE.pem.replace("\n", "\n    ").encode(),
        b'{"certificate": "' + ONE.pem.replace("\n", "\\n").encode() + b'"}',
        ONE.pem.replace("CERTIFICATE", "X509 CERTIFICATE").encode(),
        "\ufeff".encode("utf-16-le") + ONE.pem.encode("utf-16-le"),
        "\ufeff".encode("utf-16-be") + ONE.pem.encode("utf-16-be"),
        ONE.der,
        ONE.der + b"\r\n",
        base64.encodebytes(ONE.der),
        serialize_certificates([ONE.certificate], Encoding.DER),
        serialize_certificates([ONE.certificate], Encoding.PEM),
    ],
)
def test_one_certificate_comes_out_of_each_form(data: bytes) -> None:
    assert ders(data) == [ONE.der]
    assert reasons(data) == []


def test_each_certificate_of_a_file_has_its_place() -> None:
    first = len(ONE.pem)
    assert told(found_in(leaves(2) + b"-----BEGIN CERTIFICATE-----\nMIIC\n")) == [
        ("", 0, "taken"),
        ("", first, "taken"),
        ("", first + len(leaf(2).pem), "The END line is missing."),
    ]
    assert told(found_in(ONE.der + leaf(2).der)) == [("", 0, "taken"), ("", len(ONE.der), "taken")]


def test_good_certificates_beside_broken_ones_are_kept() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
    cut = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(ONE.der[:300]) + b"\n-----END CERTIFICATE-----\n"
    data = leaf(1).pem.encode() + broken + leaf(2).pem.encode() + cut + leaf(3).pem.encode()
    assert ders(data) == [leaf(number).der for number in (1, 2, 3)]
    assert reasons(data) == [
        "The text between the lines is not base64.",
        f"It cannot be read: {len(ONE.der) - 4} bytes announced, 296 there, at byte 0 of its content.",
    ]


def test_what_openssl_adds_to_a_trusted_certificate_is_left_out() -> None:
    command = ["openssl", "x509", "-trustout", "-addtrust", "serverAuth", "-setalias", "ours"]
    trusted = subprocess.run(command, input=ONE.pem.encode(), capture_output=True, check=True).stdout
    assert b"TRUSTED CERTIFICATE" in trusted
    assert ders(trusted) == [ONE.der]


OPEN, LOCKED = NoEncryption(), BestAvailableEncryption(b"word")


@pytest.mark.parametrize(
    ("encoding", "form", "lock"),
    [
        (Encoding.PEM, PrivateFormat.PKCS8, OPEN),
        (Encoding.PEM, PrivateFormat.PKCS8, LOCKED),
        (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, OPEN),
        (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, LOCKED),
        (Encoding.DER, PrivateFormat.PKCS8, OPEN),
        (Encoding.DER, PrivateFormat.PKCS8, LOCKED),
        (Encoding.DER, PrivateFormat.TraditionalOpenSSL, OPEN),
    ],
)
@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
def test_a_private_key_in_any_form_is_refused(
    encoding: Encoding, form: PrivateFormat, lock: KeySerializationEncryption, kind: str
) -> None:
    key = ISSUING.issue(["key.example.org"], key=kind).key
    assert told(found_in(key.private_bytes(encoding, form, lock))) == [("", 0, KEY_REASON)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (request(), "request for a certificate"),
        (revocation_list(), "revocation list"),
        (public_key(), "public key"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nMIIC\n-----END CERTIFICATE REQUEST-----\n", "CERTIFICATE REQUEST"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "keytool -importkeystore"),
        (b"7z\xbc\xaf\x27\x1c", "unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "save the sheet as CSV"),
        (workbook(), "save the sheet as CSV"),
        (b"nothing of that kind", "no certificate in it"),
        (b"", "no certificate in it"),
        (b"\x30\x82\xff\xff", "65535 bytes announced"),
        (b"\x30\x80" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_certificate_is_refused_by_what_it_is(data: bytes, words: str) -> None:
    (reason,) = reasons(data)
    assert words in reason
    assert ders(data) == []


def test_pkcs12_gives_its_certificates_and_never_its_key() -> None:
    for data, password in ((pkcs12(), ""), (pkcs12("geheim ß"), "geheim ß")):
        assert is_pkcs12(data[:64])
        assert sorted(ders(data, password)) == sorted([ONE.der, ISSUING.der])
        assert reasons(data, password) == [KEY_REASON]


def test_pkcs12_says_whether_a_password_is_missing_or_wrong() -> None:
    assert reasons(pkcs12("word")) == [NEEDS_PASSWORD, KEY_REASON]
    assert reasons(pkcs12("word"), "other") == [WRONG_PASSWORD, KEY_REASON]
    assert ders(pkcs12("word")) == []


def test_the_old_pkcs12_of_windows_opens() -> None:
    """Certificates under RC2 of 40 bits, as exported for decades."""
    issued = pki.self_signed(["old.example.org"], key="rsa2048")
    command = ["openssl", "pkcs12", "-export", "-legacy", "-passout", "pass:word"]
    both = issued.key_pem.encode() + issued.pem.encode()
    legacy = subprocess.run(command, input=both, capture_output=True, check=True).stdout
    assert ders(legacy, "word") == [issued.der]
