"""Real certificates of many kinds, and the ways to break one."""

from functools import cache

from cryptography import x509

from lab import der, forge, keys, pki

ROOT = pki.Authority.make("Example Root")
ISSUING = ROOT.intermediate("Example Issuing")
SAN_OID = bytes.fromhex("0603551d11")
_STAND_IN = bytes.fromhex("0603551d12")  # issuerAltName, as long as SAN_OID and unknown to builders


def raw_extension(oid: str, value: bytes) -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False


def with_san(*general_names: bytes, names: tuple[str, ...] = ()) -> bytes:
    """A certificate whose SAN holds these encoded GeneralNames, whatever they are.

    With `names` it has another SAN before that one. The signature does not verify any more.
    """
    value = der.wrap(der.SEQUENCE, b"".join(general_names))
    made = ISSUING.issue(names, subject="cn.example.org", extensions=[raw_extension("2.5.29.18", value)])
    return made.der.replace(_STAND_IN, SAN_OID)


def tagged(number: int, content: bytes, *, constructed: bool = False) -> bytes:
    """A GeneralName: 1 e-mail, 2 DNS, 3 X.400, 4 directory, 5 EDI, 6 URI, 7 IP, 8 registered id."""
    return der.wrap((0xA0 if constructed else 0x80) | number, content)


def replaced(certificate: bytes, place: int, element: bytes) -> bytes:
    """The certificate with another element at this place of its body; 1 is the serial number."""
    body, *rest = der.children(certificate)
    parts = der.children(body)
    parts[place] = element
    body = der.wrap(der.SEQUENCE, b"".join(parts))
    return der.wrap(der.SEQUENCE, b"".join([body, *rest]))


def part(certificate: bytes, place: int) -> bytes:
    return der.children(der.children(certificate)[0])[place]


def signed_again(certificate: bytes, issuer: pki.Authority) -> bytes:
    """A changed certificate with a signature that verifies."""
    return forge.forge(certificate, issuer.key)


def limited(authority: pki.Authority, signer: pki.Authority, path_length: int) -> pki.Authority:
    """The authority again, allowed only so many more below it."""
    anybody = der.wrap(der.SEQUENCE, b"\x01\x01\xff")
    so_many = der.wrap(der.SEQUENCE, b"\x01\x01\xff" + der.integer(path_length))
    body, *rest = der.children(authority.der)
    *parts, tagged_extensions = der.children(body)
    extensions = [
        der.wrap(der.SEQUENCE, b"".join(_with_value(der.children(one), anybody, so_many)))
        for one in der.children(der.content(tagged_extensions))
    ]
    tagged_extensions = der.wrap(0xA3, der.wrap(der.SEQUENCE, b"".join(extensions)))
    body = der.wrap(der.SEQUENCE, b"".join([*parts, tagged_extensions]))
    made = signed_again(der.wrap(der.SEQUENCE, b"".join([body, *rest])), signer)
    return pki.Authority(authority.name, pki.Issued(made, authority.key), (made,), authority.label)


def _with_value(extension: list[bytes], old: bytes, new: bytes) -> list[bytes]:
    return [der.wrap(0x04, new) if part == der.wrap(0x04, old) else part for part in extension]


@cache
def usual() -> tuple[bytes, ...]:
    """One certificate of each kind that the lab can make."""
    kinds = [kind for kind in keys.KINDS if kind not in {"rsa3072", "rsa4096"}]
    return (
        *(ISSUING.issue([f"{kind}.example.org"], key=kind).der for kind in kinds),
        *(pki.self_signed([f"{kind}.alone.example.org"], key=kind).der for kind in kinds),
        ISSUING.issue(["bücher.example", "*.example.org", "10.0.0.1", "2001:db8::1"]).der,
        ISSUING.issue([f"n{i}.example.org" for i in range(100)]).der,
        ISSUING.issue([], subject="no-san.example.org").der,
        ISSUING.issue([], subject="").der,
        ISSUING.issue(["sha1.example.org"], digest="sha1", key="rsa2048").der,
        ISSUING.issue(["negative.example.org"], serial=-5).der,
        with_san(tagged(2, b"a.example\0.evil.example")),
        ROOT.der,
        ISSUING.der,
    )
