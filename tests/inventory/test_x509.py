"""Certificates as they are, read in full."""

import hashlib
import ipaddress
import subprocess
from datetime import UTC
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from inventory.x509 import Name, parse
from lab import der, pki
from tests.inventory import corpus

ISSUING = corpus.ISSUING


# What stands in a usual certificate


def test_a_usual_certificate_is_read_in_full() -> None:
    made = ISSUING.issue(["www.example.org", "10.0.0.1"], serial=0x0A1B)
    read = parse(made.der)
    assert read.sha256 == hashlib.sha256(made.der).hexdigest()
    assert (read.name, read.subject, read.subject_cn) == (
        "www.example.org",
        "CN=www.example.org",
        "www.example.org",
    )
    assert (read.issuer, read.issuer_label) == ("CN=Example Issuing", "Example Issuing")
    assert read.serial_number == "0a1b"
    assert read.names == (Name("dns", "www.example.org"), Name("ip", "10.0.0.1"))
    assert (read.version, read.is_ca, read.is_self_issued, read.is_self_signed) == (3, False, False, False)
    assert read.key_usage == ("digitalSignature",)
    assert read.extended_key_usage == ("serverAuth",)
    assert read.conforming
    assert read.problems == ()


def test_chains_can_be_followed_by_names_and_key_identifiers() -> None:
    leaf, issuing = parse(ISSUING.issue(["a.example"]).der), parse(ISSUING.der)
    assert leaf.issuer_key == issuing.subject_key
    assert leaf.authority_key_id == issuing.subject_key_id != ""


def test_dates_agree_with_cryptography_and_carry_their_zone() -> None:
    made = ISSUING.issue(["a.example"])
    read = parse(made.der)
    assert read.not_before == made.certificate.not_valid_before_utc
    assert read.not_after == made.certificate.not_valid_after_utc
    assert read.not_after is not None
    assert read.not_after.tzinfo is UTC


@pytest.mark.parametrize(
    ("kind", "label", "key_type", "bits", "curve"),
    [
        ("rsa1024", "RSA 1024", "RSA", 1024, ""),
        ("rsa2048", "RSA 2048", "RSA", 2048, ""),
        ("p256", "ECDSA P-256", "EC", 256, "P-256"),
        ("p521", "ECDSA P-521", "EC", 521, "P-521"),
        ("secp256k1", "ECDSA secp256k1", "EC", 256, "secp256k1"),
        ("ed25519", "Ed25519", "Ed25519", 256, ""),
        ("ed448", "Ed448", "Ed448", 448, ""),
        ("mldsa65", "ML-DSA-65", "ML-DSA", None, ""),
    ],
)
def test_keys_are_named(kind: str, label: str, key_type: str, bits: int | None, curve: str) -> None:
    read = parse(pki.self_signed(["a.example"], key=kind).der)
    assert (read.key_label, read.key_type, read.key_bits, read.key_curve) == (label, key_type, bits, curve)
    assert read.is_self_signed is True
    assert read.conforming


@pytest.mark.parametrize(
    ("digest", "label"),
    [("md5", "RSA with MD5"), ("sha1", "RSA with SHA-1"), ("sha384", "RSA with SHA-384")],
)
def test_signatures_are_named_and_checked_however_old(digest: str, label: str) -> None:
    read = parse(pki.self_signed(["old.example"], key="rsa2048", digest=digest).der)
    assert (read.signature_algorithm, read.signature_hash, read.is_self_signed) == (label, digest, True)


def test_openssl_and_we_agree_on_its_sha1_certificate(tmp_path: Path) -> None:
    made = tmp_path / "old.der"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -sha1 -days 3 -outform der"
    subject = ["-subj", "/C=DE/O=Example, Inc./CN=old.example", "-keyout", "/dev/null"]
    subprocess.run([*command.split(), *subject, "-out", made], check=True, capture_output=True)
    read = parse(made.read_bytes())
    assert read.signature_hash == "sha1"
    assert read.subject == r"CN=old.example,O=Example\, Inc.,C=DE"
    shown = subprocess.run(
        ["openssl", "x509", "-in", made, "-noout", "-serial"], check=True, capture_output=True, text=True
    )
    assert f"serial={(read.serial_number or '').upper()}" == shown.stdout.strip()


def test_rsa_pss_says_its_hash() -> None:
    read = parse(_openssl_pss("sha384"))
    assert (read.signature_algorithm, read.signature_hash) == ("RSA-PSS with SHA-384", "sha384")
    assert read.is_self_signed is True


def _openssl_pss(digest: str) -> bytes:
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -{digest} -days 3 -outform der -subj /CN=a"
    options = ["-sigopt", "rsa_padding_mode:pss", "-keyout", "/dev/null"]
    return subprocess.run([*command.split(), *options], check=True, capture_output=True).stdout


def test_urls_are_read_and_nothing_else_is_done_with_them() -> None:
    def at(url: str) -> x509.UniformResourceIdentifier:
        return x509.UniformResourceIdentifier(url)

    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, at("http://ocsp.example/")),
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, at("http://ca.example/i")),
        ]
    )
    point = x509.DistributionPoint([at("http://crl.example/1"), at("ldap://x")], None, None, None)
    extensions = [(access, False), (x509.CRLDistributionPoints([point]), False)]
    read = parse(ISSUING.issue(["a.example"], extensions=extensions).der)
    assert read.ocsp_urls == ("http://ocsp.example/",)
    assert read.aia_issuers == ("http://ca.example/i",)
    assert read.crl_urls == ("http://crl.example/1", "ldap://x")


def test_policies_staple_and_timestamps_are_read() -> None:
    listed = b"\x00\x03abc\x00\x02de"
    timestamps = der.wrap(0x04, len(listed).to_bytes(2, "big") + listed)
    policy = x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)
    read = parse(
        ISSUING.issue(
            ["a.example"],
            extensions=[
                (x509.CertificatePolicies([policy]), False),
                (x509.TLSFeature([x509.TLSFeatureType.status_request]), False),
                corpus.raw_extension("1.3.6.1.4.1.11129.2.4.2", timestamps),
            ],
        ).der
    )
    assert read.policies == ("2.23.140.1.2.1",)
    assert read.must_staple
    assert read.sct_count == 2


def test_every_kind_of_alternative_name_is_kept() -> None:
    directory = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "printer")])
    principal = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), der.wrap(0x0C, b"u@x"))
    names = [
        x509.RFC822Name("u@example.org"),
        x509.UniformResourceIdentifier("urn:x"),
        x509.DirectoryName(directory),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        principal,
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    ]
    read = parse(ISSUING.issue(names).der)
    assert [(name.kind, name.value) for name in read.names] == [
        ("email", "u@example.org"),
        ("uri", "urn:x"),
        ("dirname", "CN=printer"),
        ("rid", "1.2.3"),
        ("other", "1.3.6.1.4.1.311.20.2.3:u@x"),
        ("ip", "2001:db8::1"),
    ]
    assert read.name == "2001:db8::1"
    assert read.conforming


# How a certificate is called


def test_the_common_name_never_counts_where_there_is_an_alternative_name() -> None:
    read = parse(ISSUING.issue(["real.example"], subject="claimed.example").der)
    assert (read.name, read.subject_cn) == ("real.example", "claimed.example")


def test_without_alternative_names_the_common_name_names_it() -> None:
    assert parse(ISSUING.issue([], subject="router 7").der).name == "router 7"


def test_without_a_common_name_the_subject_names_it() -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")])
    assert parse(ISSUING.issue([], subject=subject).der).name == "O=Example"


def test_a_certificate_without_subject_and_names_is_normal() -> None:
    read = parse(ISSUING.issue([], subject="").der)
    assert (read.name, read.subject, read.conforming) == ("no name", "", True)
