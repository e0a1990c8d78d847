"""Whether one certificate's key made another's signature."""

from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa

from inventory.x509.algorithms import scheme_of
from inventory.x509.strict import REFUSALS

_KEYS: dict[str, type] = {
    "RSA": rsa.RSAPublicKey,
    "RSA-PSS": rsa.RSAPublicKey,
    "ECDSA": ec.EllipticCurvePublicKey,
    "DSA": dsa.DSAPublicKey,
    "Ed25519": ed25519.Ed25519PublicKey,
    "Ed448": ed448.Ed448PublicKey,
    "ML-DSA-44": mldsa.MLDSA44PublicKey,
    "ML-DSA-65": mldsa.MLDSA65PublicKey,
    "ML-DSA-87": mldsa.MLDSA87PublicKey,
}


def verifies(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Check the signature alone: neither names nor dates. None if it cannot be computed here.

    Old hashes are computed like any other: that SHA-1 is weak is for a rule to say, and a
    certificate that signed itself with it did sign itself.
    """
    kind = _KEYS.get(scheme_of(certificate.signature_algorithm_oid.dotted_string))
    if kind is None:
        return None
    try:
        if not isinstance(issuer.public_key(), kind):
            return False
        _verify(certificate, issuer)
    except InvalidSignature:
        return False
    except (*REFUSALS, UnsupportedAlgorithm):
        return None
    return True


def _verify(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    digest = certificate.signature_hash_algorithm
    match issuer.public_key(), digest:
        case rsa.RSAPublicKey() as key, digest if digest:
            key.verify(signature, signed, _padding(certificate), digest)
        case ec.EllipticCurvePublicKey() as key, digest if digest:
            key.verify(signature, signed, ec.ECDSA(digest))
        case dsa.DSAPublicKey() as key, digest if digest:
            key.verify(signature, signed, digest)
        case key, _:
            # Ed25519, Ed448 and ML-DSA bring their own hash; `verifies` lets no other key through.
            cast(ed25519.Ed25519PublicKey, key).verify(signature, signed)


def _padding(certificate: x509.Certificate) -> padding.PSS | padding.PKCS1v15:
    stated = certificate.signature_algorithm_parameters
    return stated if isinstance(stated, padding.PSS) else padding.PKCS1v15()
