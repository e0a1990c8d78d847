"""The values of extensions (RFC 5280, section 4.2), each readable without the others."""

import ipaddress

from inventory.x509.der import (
    BOOLEAN,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    DerError,
    Node,
    bit_string,
    boolean,
    integer,
    oid,
    whole,
)
from inventory.x509.text import NAME_LIMIT, attributes, decoded, rfc4514, shorten, storable, string
from inventory.x509.value import Extension, Name

SUBJECT_KEY_ID = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
CERTIFICATE_POLICIES = "2.5.29.32"
AUTHORITY_KEY_ID = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"
AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"
TLS_FEATURE = "1.3.6.1.5.5.7.1.24"
SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
POISON = "1.3.6.1.4.1.11129.2.4.3"

_CA_ISSUERS, _OCSP = "1.3.6.1.5.5.7.48.2", "1.3.6.1.5.5.7.48.1"
_LONGEST_KEY_ID = 64  # bytes; a SHA-1 has 20
_STATUS_REQUEST = 5  # RFC 7633: the TLS extension that a stapled answer comes in
_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "1.3.6.1.5.5.7.3.17": "ipsecIKE",
    "1.3.6.1.4.1.311.20.2.2": "smartcardLogon",
    "1.3.6.1.4.1.11129.2.4.4": "precertificateSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}
# GeneralName's context tags, primitive and constructed (RFC 5280, section 4.2.1.6).
_KINDS = ("other", "email", "dns", "x400", "dirname", "edi", "uri", "ip", "rid")

Raw = tuple[Extension, bytes]


def extension(node: Node) -> Raw:
    """Return an extension and its value, still encoded."""
    parts = node.expect(SEQUENCE).children()
    if not 2 <= len(parts) <= 3:
        raise node.fail("an extension of wrong shape")
    critical = boolean(parts[1].expect(BOOLEAN)) if len(parts) == 3 else False
    return Extension(oid(parts[0]), critical), parts[-1].expect(OCTET_STRING).content


def alternative_names(value: bytes) -> tuple[Name, ...]:
    return tuple(general_name(node) for node in whole(value).expect(SEQUENCE).children())


def general_name(node: Node) -> Name:
    """Read one GeneralName; what has no text form is shown as hex, so that no name is lost."""
    number = node.tag & 0x1F
    kind = _KINDS[number] if node.tag & 0xC0 == 0x80 and number < len(_KINDS) else "other"
    try:
        return Name(kind, _general_text(kind, node))
    except DerError:
        return Name(kind, shorten(f"#{node.content.hex()}", NAME_LIMIT))


def _general_text(kind: str, node: Node) -> str:
    match kind:
        case "dns" | "email" | "uri":
            return storable(decoded(node.content, "utf-8"), NAME_LIMIT)
        case "ip":
            return _address(node)
        case "dirname":
            return shorten(rfc4514(attributes(node.inner())), NAME_LIMIT)
        case "rid":
            return oid(node._replace(tag=0x06))
        case "other":
            return _other_name(node)
    raise node.fail("no text form")


def _address(node: Node) -> str:
    if len(node.content) not in {4, 16}:
        raise node.fail("an address of impossible length")
    return str(ipaddress.ip_address(node.content))


def _other_name(node: Node) -> str:
    parts = node.children()
    if len(parts) != 2:
        raise node.fail("an otherName of wrong shape")
    value = parts[1].inner()
    text = string(value)
    shown = f"#{value.content.hex()}" if text is None else text
    return storable(f"{oid(parts[0])}:{shown}", NAME_LIMIT)


def key_usage(value: bytes) -> tuple[str, ...]:
    bits = bit_string(whole(value))
    return tuple(usage for i, usage in enumerate(_USAGES) if i // 8 < len(bits) and bits[i // 8] & (0x80 >> i % 8))


def extended_key_usage(value: bytes) -> tuple[str, ...]:
    found = (oid(node) for node in whole(value).expect(SEQUENCE).children())
    return tuple(_PURPOSES.get(purpose, purpose) for purpose in found)


def basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """Return whether this is a CA, and how many more CAs may follow."""
    is_ca, length = False, None
    for part in whole(value).expect(SEQUENCE).children():
        if part.tag == BOOLEAN:
            is_ca = boolean(part)
        elif part.tag == INTEGER:
            length = min(integer(part), 2**31 - 1)
    return is_ca, length


def policies(value: bytes) -> tuple[str, ...]:
    entries = whole(value).expect(SEQUENCE).children()
    return tuple(oid(entry.expect(SEQUENCE).first()) for entry in entries)


def access_urls(value: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the URLs of the issuer's certificate and of OCSP responders."""
    found: dict[str, list[str]] = {_CA_ISSUERS: [], _OCSP: []}
    for entry in whole(value).expect(SEQUENCE).children():
        parts = entry.expect(SEQUENCE).children()
        if len(parts) != 2:
            raise entry.fail("an access description of wrong shape")
        name = general_name(parts[1])
        if name.kind == "uri":
            found.setdefault(oid(parts[0]), []).append(name.value)
    return tuple(found[_CA_ISSUERS]), tuple(found[_OCSP])


def crl_urls(value: bytes) -> tuple[str, ...]:
    urls = []
    for point in whole(value).expect(SEQUENCE).children():
        for part in point.expect(SEQUENCE).children():
            if part.tag == 0xA0:
                urls += _full_name_urls(part)
    return tuple(urls)


def _full_name_urls(point: Node) -> list[str]:
    names = [general_name(node) for node in point.inner().children() if point.inner().tag == 0xA0]
    return [name.value for name in names if name.kind == "uri"]


def subject_key_id(value: bytes) -> str:
    return _key_id(whole(value).expect(OCTET_STRING))


def authority_key_id(value: bytes) -> str:
    parts = whole(value).expect(SEQUENCE).children()
    return next((_key_id(part) for part in parts if part.tag == 0x80), "")


def _key_id(node: Node) -> str:
    if node.end - node.start > _LONGEST_KEY_ID:
        raise node.fail("a key identifier of impossible length")
    return node.content.hex()


def must_staple(value: bytes) -> bool:
    features = whole(value).expect(SEQUENCE).children()
    return any(integer(feature) == _STATUS_REQUEST for feature in features)


def sct_count(value: bytes) -> int:
    """Count the entries of a SignedCertificateTimestampList (RFC 6962, section 3.3)."""
    node = whole(value).expect(OCTET_STRING)
    listed = node.content
    if int.from_bytes(listed[:2], "big") != len(listed) - 2:
        raise node.fail("a list of timestamps of wrong length")
    count, at = 0, 2
    while at < len(listed):
        at += 2 + int.from_bytes(listed[at : at + 2], "big")
        count += 1
    if at != len(listed):
        raise node.fail("a timestamp that is longer than its list")
    return count
