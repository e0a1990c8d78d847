"""The lab's certificates say what was asked for, judged by openssl and by `cryptography`."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from lab import keys, pki

ROOT = pki.Authority.make("Root", seed=1)
SUSPICIOUS = pytest.mark.filterwarnings("ignore:.*serial number.*:UserWarning")


def openssl(*arguments: str, stdin: str) -> str:
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True, check=True)
    return done.stdout


def alternative(issued: pki.Issued) -> x509.SubjectAlternativeName:
    return issued.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_same_seed_gives_the_same_bytes() -> None:
    twins = [pki.Authority.make("Twin", seed=7).intermediate("Below").issue(["a.example.org"])]
    twins += [pki.Authority.make("Twin", seed=7).intermediate("Below").issue(["a.example.org"])]
    assert twins[0].sent == twins[1].sent


def test_another_seed_gives_another_key() -> None:
    one, other = (pki.Authority.make("Twin", seed=seed) for seed in (1, 2))
    assert one.key.public_key() != other.key.public_key()


def test_no_two_leaves_share_a_key_unless_asked() -> None:
    first, second = ROOT.issue(["a.example.org"]), ROOT.issue(["a.example.org"])
    shared = ROOT.issue(["b.example.org"], key=first.key)
    assert first.key.public_key() != second.key.public_key()
    assert first.key.public_key() == shared.key.public_key()


@pytest.mark.parametrize("kind", keys.KINDS)
def test_every_kind_of_key_goes_into_a_leaf_that_the_root_signed(kind: str) -> None:
    leaf = ROOT.issue(["a.example.org"], key=kind)
    leaf.certificate.verify_directly_issued_by(ROOT.certificate)
    assert leaf.certificate.public_key() == leaf.key.public_key()


@pytest.mark.parametrize(("kind", "bits"), [("rsa1024", 1024), ("rsa4096", 4096)])
def test_rsa_keys_have_the_size_of_their_name(kind: str, bits: int) -> None:
    key = ROOT.issue(["a.example.org"], key=kind).key
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == bits


@pytest.mark.parametrize(("kind", "curve"), [("p256", "secp256r1"), ("p521", "secp521r1")])
def test_elliptic_keys_lie_on_the_curve_of_their_name(kind: str, curve: str) -> None:
    key = ROOT.issue(["a.example.org"], key=kind).key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == curve


@pytest.mark.parametrize("kind", ["rsa2048", "p384", "ed25519", "mldsa65"])
def test_an_authority_signs_with_any_kind_of_key(kind: str) -> None:
    authority = pki.Authority.make("Any", key=kind)
    leaf = authority.issue(["a.example.org"])
    leaf.certificate.verify_directly_issued_by(authority.certificate)


def test_an_unknown_kind_of_key_is_named() -> None:
    with pytest.raises(ValueError, match="rsa512"):
        ROOT.issue(["a.example.org"], key="rsa512")


def test_openssl_verifies_the_whole_chain(tmp_path: Path) -> None:
    middle = ROOT.intermediate("Upper").intermediate("Lower")
    leaf = middle.issue(["a.example.org"])
    for name, text in [("root", ROOT.pem), ("chain", "".join(map(pki.pem, leaf.chain)))]:
        (tmp_path / name).write_text(text)
    said = openssl(
        "verify", "-CAfile", f"{tmp_path}/root", "-untrusted", f"{tmp_path}/chain",
        "-verify_hostname", "a.example.org", "-purpose", "sslserver", stdin=leaf.pem,
    )  # fmt: skip
    assert said.strip() == "stdin: OK"
    assert len(leaf.chain) == 2


def test_names_become_addresses_wildcards_and_a_labels() -> None:
    san = alternative(ROOT.issue(["*.example.org", "10.0.0.1", "::1", "bücher.example.org"]))
    assert san.get_values_for_type(x509.DNSName) == ["*.example.org", "xn--bcher-kva.example.org"]
    assert [str(ip) for ip in san.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "::1"]


def test_without_names_there_is_no_san_extension() -> None:
    leaf = ROOT.issue(subject="old.example.org").certificate
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_without_subject_the_san_is_critical() -> None:
    leaf = ROOT.issue(["a.example.org"], subject="").certificate
    assert list(leaf.subject) == []
    assert leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).critical


@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
def test_hostile_text_stands_in_the_subject_as_given() -> None:
    text = "=1+1\x00\x1b[31m\u202egro\n<script>alert(1)</script>" * 3
    leaf = ROOT.issue(["a.example.org"], subject=text).certificate
    assert leaf.subject.rfc4514_string() != ""
    assert next(iter(leaf.subject)).value == text


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_sha1_signatures_verify(kind: str, tmp_path: Path) -> None:
    authority = pki.Authority.make("Old", key=kind)
    leaf = authority.issue(["a.example.org"], digest="sha1")
    (tmp_path / "root").write_text(authority.pem)
    said = openssl("verify", "-auth_level", "0", "-CAfile", f"{tmp_path}/root", stdin=leaf.pem)
    assert said.strip() == "stdin: OK"
    algorithm = leaf.certificate.signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == "sha1"


@SUSPICIOUS
@pytest.mark.parametrize("serial", [-5, -(2**70), 0, 2**190])
def test_serials_that_no_builder_writes(serial: int) -> None:
    leaf = ROOT.issue(["a.example.org"], serial=serial)
    text = openssl("x509", "-noout", "-serial", stdin=leaf.pem).strip().removeprefix("serial=")
    assert int(text, 16) == serial


def test_dates_the_wrong_way_round() -> None:
    begins, ends = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    leaf = ROOT.issue(["a.example.org"], not_before=begins, not_after=ends).certificate
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (begins, ends)
    leaf.verify_directly_issued_by(ROOT.certificate)


def test_the_year_9999() -> None:
    ends = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    leaf = ROOT.issue(["a.example.org"], not_after=ends)
    assert leaf.certificate.not_valid_after_utc == ends


def test_dates_left_out_make_a_certificate_of_90_days_in_date() -> None:
    leaf = ROOT.issue(["a.example.org"]).certificate
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    assert ends - begins == timedelta(days=90)
    assert ends - datetime.now(UTC) > timedelta(days=50)


def test_self_signed_is_its_own_issuer() -> None:
    leaf = pki.self_signed(["printer.example.org"])
    leaf.certificate.verify_directly_issued_by(leaf.certificate)
    assert leaf.chain == ()


def test_pem_of_key_and_chain_are_what_openssl_reads() -> None:
    leaf = ROOT.intermediate("Below").issue(["a.example.org"], key="rsa2048")
    assert leaf.chain_pem.count("BEGIN CERTIFICATE") == 2
    public = openssl("pkey", "-pubout", stdin=leaf.key_pem)
    assert public == openssl("x509", "-noout", "-pubkey", stdin=leaf.pem)


def test_fingerprint_is_the_one_of_openssl() -> None:
    leaf = ROOT.issue(["a.example.org"])
    said = openssl("x509", "-noout", "-fingerprint", "-sha256", stdin=leaf.pem)
    assert said.strip().split("=")[1].replace(":", "").lower() == leaf.sha256
