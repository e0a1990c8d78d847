"""The outer shape of a certificate: RFC 5280, section 4.1, down to the fields and no further."""

from typing import NamedTuple

from asn1crypto.x509 import Certificate as LenientCertificate

from inventory.x509.der import BIT_STRING, INTEGER, SEQUENCE, DerError, Node, read_node
from inventory.x509.value import NotACertificate

_VERSION, _EXTENSIONS = 0xA0, 0xA3
_LARGEST_REWRITTEN = 1 << 18  # bytes; rewriting BER costs about 50 times as much as reading DER
# What asn1crypto raises on bytes that it cannot make sense of.
_LENIENT_FAILURES = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class Parts(NamedTuple):
    """The fields of a certificate as elements, and what was odd about finding them."""

    version: Node | None
    serial: Node
    inner_signature: Node
    issuer: Node
    validity: Node
    subject: Node
    spki: Node
    extensions: Node | None
    signature: Node
    oddity: str


def parts_of(der: bytes) -> Parts:
    """Find the fields; BER, which the walk does not read, is rewritten as DER first.

    Raises NotACertificate, and nothing else.
    """
    try:
        return _walk(der, "")
    except DerError as error:
        rewritten = _as_der(der) if error.reason == "indefinite length" else None
        if rewritten is None:
            raise NotACertificate(error.reason, error.offset) from error
    try:
        return _walk(rewritten, "it is encoded in BER, not in DER")
    except DerError as error:
        raise NotACertificate(error.reason, error.offset) from error


def _as_der(ber: bytes) -> bytes | None:
    if len(ber) > _LARGEST_REWRITTEN:
        return None
    try:
        rewritten = LenientCertificate.load(ber).dump(force=True)
    except _LENIENT_FAILURES:
        return None
    return bytes(rewritten)


def _walk(data: bytes, oddity: str) -> Parts:
    outer = read_node(data, 0, len(data)).expect(SEQUENCE)
    if outer.end != len(data):
        # OpenSSL's TRUSTED CERTIFICATE carries its settings there.
        oddity = f"{len(data) - outer.end} bytes follow the certificate"
    children = outer.children()
    if len(children) != 3:
        raise outer.fail(f"{len(children)} parts where a certificate has 3")
    children[2].expect(BIT_STRING)
    return _fields(children[0].expect(SEQUENCE), children[1].expect(SEQUENCE), oddity)


def _fields(tbs: Node, signature: Node, oddity: str) -> Parts:
    fields = tbs.children()
    version = fields.pop(0) if fields and fields[0].tag == _VERSION else None
    if len(fields) < 6:
        raise tbs.fail("fields are missing")
    serial, *sequences = fields[:6]
    inner, issuer, validity, subject, spki = (node.expect(SEQUENCE) for node in sequences)
    extensions = next((node for node in fields[6:] if node.tag == _EXTENSIONS), None)
    return Parts(
        version=version,
        serial=serial.expect(INTEGER),
        inner_signature=inner,
        issuer=issuer,
        validity=validity,
        subject=subject,
        spki=spki,
        extensions=extensions,
        signature=signature,
        oddity=oddity,
    )
