"""Certificates that no builder agrees to make: patched in DER and signed again by raw key operations.

The wild holds negative serials, dates the wrong way round and SHA-1; `cryptography` reads them and
refuses to write them.
"""

from datetime import datetime

from lab import der, keys

_RSA_DIGESTS = {  # RFC 8017, appendix C
    "md5": "2a864886f70d010104",
    "sha1": "2a864886f70d010105",
    "sha256": "2a864886f70d01010b",
}
_EC_DIGESTS = {"sha1": "2a8648ce3d0401", "sha256": "2a8648ce3d040302"}  # RFC 5758, section 3.2
_SERIAL, _ALGORITHM, _VALIDITY = 1, 2, 4  # places in TBSCertificate of version 3 (RFC 5280, 4.1)


def forge(
    certificate: bytes,
    signer: keys.PrivateKey,
    *,
    digest: str = "sha256",
    serial: int | None = None,
    dates: tuple[datetime, datetime] | None = None,
) -> bytes:
    """The certificate with these values instead of its own, and a signature that verifies."""
    body, algorithm, _ = der.children(certificate)
    parts = der.children(body)
    algorithm = _algorithm(signer, digest) or algorithm
    parts[_ALGORITHM] = algorithm
    if serial is not None:
        parts[_SERIAL] = der.integer(serial)
    if dates is not None:
        parts[_VALIDITY] = der.wrap(der.SEQUENCE, b"".join(map(_time, dates)))
    body = der.wrap(der.SEQUENCE, b"".join(parts))
    signature = der.wrap(der.BIT_STRING, b"\0" + keys.sign(signer, body, digest))
    return der.wrap(der.SEQUENCE, body + algorithm + signature)


def _algorithm(signer: keys.PrivateKey, digest: str) -> bytes | None:
    """The AlgorithmIdentifier, None where the key alone decides it."""
    if keys.is_rsa(signer):
        return der.wrap(der.SEQUENCE, _oid(_RSA_DIGESTS[digest]) + b"\x05\x00")
    if keys.is_elliptic(signer):
        return der.wrap(der.SEQUENCE, _oid(_EC_DIGESTS[digest]))
    return None


def _oid(content: str) -> bytes:
    return der.wrap(der.OBJECT_IDENTIFIER, bytes.fromhex(content))


def _time(moment: datetime) -> bytes:
    """UTCTime until 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5)."""
    if 1950 <= moment.year < 2050:
        return der.wrap(der.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return der.wrap(der.GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())
