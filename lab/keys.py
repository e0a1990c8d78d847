"""Private keys of every wanted kind, the same ones for the same seed wherever the kind allows.

The keys protect nothing. RSA keys cannot be derived from a seed in reasonable time: they are random,
made once per process for each (kind, label).
"""

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)

Digest = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
DIGESTS: dict[str, Digest] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}

_CURVES: dict[str, ec.EllipticCurve] = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
_FROM_SEED: dict[str, tuple[int, Callable[[bytes], PrivateKey]]] = {
    "ed25519": (32, ed25519.Ed25519PrivateKey.from_private_bytes),
    "ed448": (57, ed448.Ed448PrivateKey.from_private_bytes),
    "mldsa44": (32, mldsa.MLDSA44PrivateKey.from_seed_bytes),
    "mldsa65": (32, mldsa.MLDSA65PrivateKey.from_seed_bytes),
    "mldsa87": (32, mldsa.MLDSA87PrivateKey.from_seed_bytes),
}
_RSA_BITS = {"rsa1024": 1024, "rsa2048": 2048, "rsa3072": 3072, "rsa4096": 4096}
_made: dict[tuple[int, str], rsa.RSAPrivateKey] = {}

KINDS = (*_RSA_BITS, *_CURVES, *_FROM_SEED)


def make(kind: str, label: str) -> PrivateKey:
    """The private key of this kind that belongs to the label."""
    if kind in _RSA_BITS:
        return _rsa(_RSA_BITS[kind], label)
    if kind in _CURVES:
        return _elliptic(_CURVES[kind], label)
    if kind not in _FROM_SEED:
        raise ValueError(f"unknown kind of key {kind!r}; known: {', '.join(KINDS)}")
    size, build = _FROM_SEED[kind]
    return build(stream(label, size))


def stream(label: str, size: int) -> bytes:
    """Bytes that follow from the label alone."""
    return hashlib.shake_256(label.encode()).digest(size)


def is_rsa(key: PrivateKey) -> bool:
    return isinstance(key, rsa.RSAPrivateKey)


def is_elliptic(key: PrivateKey) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey)


def signing_digest(key: PrivateKey, wanted: str) -> Digest | None:
    """The digest a certificate builder signs with, None for keys that bring their own."""
    return DIGESTS[wanted] if is_rsa(key) or is_elliptic(key) else None


def sign(key: PrivateKey, data: bytes, digest: str) -> bytes:
    """A raw signature, also with digests that certificate builders refuse."""
    algorithm = getattr(hashes, digest.upper())()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(algorithm, deterministic_signing=True))
    return key.sign(data)


def _rsa(bits: int, label: str) -> rsa.RSAPrivateKey:
    if (bits, label) not in _made:
        _made[bits, label] = rsa.generate_private_key(65537, bits)
    return _made[bits, label]


def _elliptic(curve: ec.EllipticCurve, label: str) -> ec.EllipticCurvePrivateKey:
    # One bit shorter than the curve, so that it is below every order used here.
    size = (curve.key_size + 7) // 8
    scalar = int.from_bytes(stream(label, size), "big") >> (8 * size - curve.key_size + 1)
    return ec.derive_private_key(scalar or 1, curve)
