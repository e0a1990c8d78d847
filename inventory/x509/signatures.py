"""Whether one certificate's key made another's signature."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa

from inventory.x509.strict import REFUSALS


def verifies(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Check the signature alone: neither names nor dates. None if it cannot be computed here.

    Old hashes are computed like any other: that SHA-1 is weak is for a rule to say, and a
    certificate that signed itself with it did sign itself.
    """
    try:
        return _verifies(certificate, issuer)
    except InvalidSignature:
        return False
    except (*REFUSALS, UnsupportedAlgorithm):
        return None


def _verifies(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    key = issuer.public_key()
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    scheme, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
    match key, scheme, digest:
        case rsa.RSAPublicKey(), padding.PSS(), digest if digest:
            key.verify(signature, signed, scheme, digest)
        case rsa.RSAPublicKey(), padding.PKCS1v15() | None, digest if digest:  # None is said of MD5
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        case ec.EllipticCurvePublicKey(), ec.ECDSA(), _:
            key.verify(signature, signed, scheme)
        case dsa.DSAPublicKey(), None, digest if digest:
            key.verify(signature, signed, digest)
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey(), None, None:
            key.verify(signature, signed)
        case mldsa.MLDSA44PublicKey() | mldsa.MLDSA65PublicKey() | mldsa.MLDSA87PublicKey(), None, None:
            key.verify(signature, signed)
        case _:
            return None
    return True
