"""Algorithms by object identifier: what is not in a table is "unknown", never guessed."""

from typing import NamedTuple

from inventory.x509.der import OID, SEQUENCE, Node, bit_string, integer, oid, whole

RSA, RSA_PSS, EC, DSA = (
    "1.2.840.113549.1.1.1",
    "1.2.840.113549.1.1.10",
    "1.2.840.10045.2.1",
    "1.2.840.10040.4.1",
)


class Key(NamedTuple):
    """The public key, as the fields `key_*` of ParsedCertificate want it."""

    type: str
    bits: int | None
    curve: str
    label: str
    oid: str


class Signature(NamedTuple):
    label: str
    oid: str
    hash: str | None


_NIST = "2.16.840.1.101.3.4"
_COMPOSITE = (  # draft-ietf-lamps-pq-composite-sigs: 1.3.6.1.5.5.7.6.37 and following
    "MLDSA44-RSA2048-PSS",
    "MLDSA44-RSA2048-PKCS15",
    "MLDSA44-Ed25519",
    "MLDSA44-ECDSA-P256",
    "MLDSA65-RSA3072-PSS",
    "MLDSA65-RSA3072-PKCS15",
    "MLDSA65-RSA4096-PSS",
    "MLDSA65-RSA4096-PKCS15",
    "MLDSA65-ECDSA-P256",
    "MLDSA65-ECDSA-P384",
    "MLDSA65-ECDSA-brainpoolP256r1",
    "MLDSA65-Ed25519",
    "MLDSA87-ECDSA-P384",
    "MLDSA87-ECDSA-brainpoolP384r1",
    "MLDSA87-Ed448",
    "MLDSA87-RSA3072-PSS",
    "MLDSA87-RSA4096-PSS",
    "MLDSA87-ECDSA-P521",
)
_SLH = [f"{strength}{speed}" for strength in (128, 192, 256) for speed in "sf"]
_SLH_ALL = [f"SLH-DSA-{family}-{size}" for family in ("SHA2", "SHAKE") for size in _SLH]

# Algorithms whose identifier says everything: type and label (RFC 8410, 9881, 9909, 9935, 9802).
_PLAIN = {
    "1.3.101.110": ("X25519", "X25519"),
    "1.3.101.111": ("X448", "X448"),
    "1.3.101.112": ("Ed25519", "Ed25519"),
    "1.3.101.113": ("Ed448", "Ed448"),
    **{f"{_NIST}.3.{17 + i}": ("ML-DSA", f"ML-DSA-{n}") for i, n in enumerate((44, 65, 87))},
    **{f"{_NIST}.3.{20 + i}": ("SLH-DSA", label) for i, label in enumerate(_SLH_ALL)},
    **{f"{_NIST}.3.{35 + i}": ("SLH-DSA", f"Hash{label}") for i, label in enumerate(_SLH_ALL)},
    **{f"{_NIST}.4.{1 + i}": ("ML-KEM", f"ML-KEM-{n}") for i, n in enumerate((512, 768, 1024))},
    **{f"1.3.6.1.5.5.7.6.{37 + i}": ("ML-DSA composite", n) for i, n in enumerate(_COMPOSITE)},
    "1.2.840.113549.1.9.16.3.17": ("HSS/LMS", "HSS/LMS"),
    "1.3.6.1.5.5.7.6.34": ("XMSS", "XMSS"),
    "1.3.6.1.5.5.7.6.35": ("XMSS", "XMSS-MT"),
}
_EXPERIMENTAL = ("2.16.840.1.114027.80.8.1.", "1.3.6.1.4.1.2.267.")  # earlier drafts' arcs
_BITS = {"Ed25519": 256, "Ed448": 448, "X25519": 256, "X448": 448}

_CURVES = {
    "1.2.840.10045.3.1.1": ("P-192", 192),
    "1.3.132.0.33": ("P-224", 224),
    "1.2.840.10045.3.1.7": ("P-256", 256),
    "1.3.132.0.34": ("P-384", 384),
    "1.3.132.0.35": ("P-521", 521),
    "1.3.132.0.10": ("secp256k1", 256),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
    "1.2.156.10197.1.301": ("SM2", 256),
}

_HASHES = {
    "1.2.840.113549.2.2": "md2",
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    f"{_NIST}.2.4": "sha224",
    f"{_NIST}.2.1": "sha256",
    f"{_NIST}.2.2": "sha384",
    f"{_NIST}.2.3": "sha512",
    f"{_NIST}.2.8": "sha3-256",
    f"{_NIST}.2.9": "sha3-384",
    f"{_NIST}.2.10": "sha3-512",
}
_SHA3 = ("sha3-224", "sha3-256", "sha3-384", "sha3-512")
_SIGNED = {
    "1.2.840.113549.1.1.2": ("RSA", "md2"),
    "1.2.840.113549.1.1.3": ("RSA", "md4"),
    "1.2.840.113549.1.1.4": ("RSA", "md5"),
    "1.2.840.113549.1.1.5": ("RSA", "sha1"),
    "1.3.14.3.2.29": ("RSA", "sha1"),
    "1.2.840.113549.1.1.11": ("RSA", "sha256"),
    "1.2.840.113549.1.1.12": ("RSA", "sha384"),
    "1.2.840.113549.1.1.13": ("RSA", "sha512"),
    "1.2.840.113549.1.1.14": ("RSA", "sha224"),
    **{f"{_NIST}.3.{13 + i}": ("RSA", name) for i, name in enumerate(_SHA3)},
    "1.2.840.10045.4.1": ("ECDSA", "sha1"),
    "1.2.840.10045.4.3.1": ("ECDSA", "sha224"),
    "1.2.840.10045.4.3.2": ("ECDSA", "sha256"),
    "1.2.840.10045.4.3.3": ("ECDSA", "sha384"),
    "1.2.840.10045.4.3.4": ("ECDSA", "sha512"),
    **{f"{_NIST}.3.{9 + i}": ("ECDSA", name) for i, name in enumerate(_SHA3)},
    "1.2.840.10040.4.3": ("DSA", "sha1"),
    **{f"{_NIST}.3.{1 + i}": ("DSA", f"sha{n}") for i, n in enumerate((224, 256, 384, 512))},
    "1.2.156.10197.1.501": ("SM2", "sm3"),
}


def algorithm(node: Node) -> tuple[str, Node | None]:
    """Return an AlgorithmIdentifier's OID and parameters."""
    parts = node.expect(SEQUENCE).children()
    if not 1 <= len(parts) <= 2:
        raise node.fail("an algorithm identifier of wrong shape")
    return oid(parts[0]), parts[1] if len(parts) == 2 else None


def public_key(spki: Node) -> Key:
    parts = spki.children()
    if len(parts) != 2:
        raise spki.fail("a public key of wrong shape")
    kind, parameters = algorithm(parts[0])
    if kind in {RSA, RSA_PSS}:
        bits = _first_integer(whole(bit_string(parts[1])))
        return Key("RSA", bits, "", f"{'RSA' if kind == RSA else 'RSA-PSS'} {bits}", kind)
    if kind == EC:
        return _elliptic(parameters)
    if kind == DSA:
        size = _first_integer(parameters) if parameters and parameters.tag == SEQUENCE else None
        return Key("DSA", size, "", f"DSA {size or '(size not stated)'}", kind)
    return named_key(kind)


def named_key(kind: str) -> Key:
    """Tell a key by its algorithm's identifier alone."""
    if kind in _PLAIN:
        family, label = _PLAIN[kind]
        return Key(family, _BITS.get(family), "", label, kind)
    if kind.startswith(_EXPERIMENTAL):
        return Key("experimental PQ", None, "", f"experimental PQ ({kind})", kind)
    family = {RSA: "RSA", RSA_PSS: "RSA", EC: "EC", DSA: "DSA"}.get(kind, "unknown")
    return Key(family, None, "", f"{family} ({kind or 'unreadable'})", kind)


def _first_integer(node: Node) -> int:
    return integer(node.expect(SEQUENCE).first()).bit_length()


def _elliptic(parameters: Node | None) -> Key:
    if parameters is None or parameters.tag != OID:
        return Key("EC", None, "explicit", "ECDSA with explicit parameters", EC)
    curve = oid(parameters)
    name, bits = _CURVES.get(curve, (curve, None))
    return Key("EC", bits, name, f"ECDSA {name}", EC)


def scheme_of(signature_oid: str) -> str:
    """Return what kind of key makes such signatures: RSA, RSA-PSS, ECDSA, Ed25519, …, or ""."""
    if signature_oid == RSA_PSS:
        return "RSA-PSS"
    return (_SIGNED.get(signature_oid) or _PLAIN.get(signature_oid, ("", ""))[::-1])[0]


def signature(node: Node) -> Signature:
    kind, parameters = algorithm(node)
    if kind == RSA_PSS:
        return _pss(parameters)
    if kind in _SIGNED:
        scheme, digest = _SIGNED[kind]
        return Signature(f"{scheme} with {digest_label(digest)}", kind, digest)
    if kind in _PLAIN:
        return Signature(_PLAIN[kind][1], kind, None)
    return Signature(f"unknown ({kind})", kind, None)


def _pss(parameters: Node | None) -> Signature:
    """RFC 4055, section 3.1: the hash stands in [0] and is SHA-1 where that is missing."""
    stated = [part for part in parameters.children() if part.tag == 0xA0] if parameters else []
    if not stated:
        return Signature("RSA-PSS with SHA-1", RSA_PSS, "sha1")
    found = algorithm(stated[0].inner())[0]
    digest = _HASHES.get(found)
    return Signature(f"RSA-PSS with {digest_label(digest) if digest else found}", RSA_PSS, digest)


def digest_label(digest: str) -> str:
    if digest.startswith("sha") and not digest.startswith("sha3-"):
        return f"SHA-{digest[3:]}"
    return digest.upper()
