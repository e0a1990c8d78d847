"""An independent opinion about a chain, from its bytes alone, in the words of the manifest."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import SignatureAlgorithmOID

from lab.manifest import Line
from tests.lab.clients import Answer

# Bytes of certificates, beyond which its clients break the handshake off.
OPENSSL_TAKES = 100_000


def faults(line: Line, answer: Answer, root: x509.Certificate) -> set[str]:
    """All that shows at one endpoint."""
    sent = [x509.load_der_x509_certificate(der) for der in answer.chain]
    found = {*_dates(sent[0]), *_chain(sent, root), *_strength(sent[0])}
    if answer.protocol in ("TLSv1", "TLSv1.1"):
        found.add("old_tls")
    if sum(map(len, answer.chain)) > OPENSSL_TAKES:
        found.add("broken_handshake")
    if line.server_name and not _covers(sent[0], line.server_name):
        found.add("wrong_name")
    return found


def shared(answers: dict[str, tuple[Line, Answer]]) -> dict[str, set[str]]:
    """What shows only between endpoints, by the key of the given mapping."""
    keys: dict[bytes, set[str | None]] = defaultdict(set)
    newest: dict[str, datetime] = {}
    for where, (line, answer) in answers.items():
        keys[_key(answer)].add(answer.leaf_sha256)
        service = line.service or where
        newest[service] = max(_begins(answer), newest.get(service, _begins(answer)))
    found: dict[str, set[str]] = {where: set() for where in answers}
    for where, (line, answer) in answers.items():
        if len(keys[_key(answer)]) > 1:
            found[where].add("key_reuse")
        if _begins(answer) < newest[line.service or where]:
            found[where].add("not_same_everywhere")
    return found


def _dates(leaf: x509.Certificate) -> Iterator[str]:
    now = datetime.now(UTC)
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if ends < now:
        yield "expired"
    elif begins > now:
        yield "not_yet_valid"
    elif ends - now < min((ends - begins) / 3, timedelta(days=30)):
        yield "expiring"


def _chain(sent: list[x509.Certificate], root: x509.Certificate) -> Iterator[str]:
    path = _path(sent, root)
    # The root itself, or as another authority signed it, belongs to the way up for clients that know that one.
    sent = [one for one in sent if one in path or _identity(one) != _identity(root)]
    if sent[0].issuer == sent[0].subject:
        yield "self_signed"
    elif path[-1].issuer != root.subject:
        yield "untrusted_path" if path[-1].issuer == path[-1].subject else "incomplete_chain"
    if len(path) < len(sent):
        yield "superfluous_chain"
    if [certificate for certificate in sent if certificate in path] != path:
        yield "misordered_chain"


def _path(sent: list[x509.Certificate], root: x509.Certificate) -> list[x509.Certificate]:
    """From the leaf upwards, as far as what was sent reaches; every signature on it holds."""
    path = [sent[0]]
    while path[-1].issuer not in (root.subject, path[-1].subject):
        above = [other for other in sent if other.subject == path[-1].issuer]
        if not above:
            return path
        _verify(path[-1], above[0])
        path.append(above[0])
    if path[-1].issuer == root.subject:
        _verify(path[-1], root)
    return path


def _verify(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    key = issuer.public_key()
    if _is_sha1(certificate) and isinstance(key, rsa.RSAPublicKey):  # refused by the other way
        signed = certificate.tbs_certificate_bytes
        key.verify(certificate.signature, signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    else:
        certificate.verify_directly_issued_by(issuer)


def _is_sha1(certificate: x509.Certificate) -> bool:
    return certificate.signature_algorithm_oid == SignatureAlgorithmOID.RSA_WITH_SHA1


def _strength(leaf: x509.Certificate) -> Iterator[str]:
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        yield "weak_key"
    if _is_sha1(leaf):
        yield "sha1_signature"


def _covers(leaf: x509.Certificate, name: str) -> bool:
    """RFC 9525, section 6.3: the whole name, or a wildcard for its first label."""
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wildcard = "*." + name.partition(".")[2]
    return bool({name, wildcard} & set(san.get_values_for_type(x509.DNSName)))


def _identity(certificate: x509.Certificate) -> tuple[x509.Name, bytes]:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.subject, key


def _begins(answer: Answer) -> datetime:
    return x509.load_der_x509_certificate(answer.chain[0]).not_valid_before_utc


def _key(answer: Answer) -> bytes:
    return _identity(x509.load_der_x509_certificate(answer.chain[0]))[1]
