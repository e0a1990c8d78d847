"""The rules that exist: what each is called, how bad it is, why it matters, what to do, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """The same numbers as ``inventory.models.Severity``; a test compares them."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Subject(StrEnum):
    CERTIFICATE = "certificate"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``due_days`` is how long its owner has, counted from the day on which it was found."""

    code: str
    title: str
    subject: Subject
    severity: Severity
    due_days: int
    why: str
    remedy: tuple[str, ...]
    source: str


_RULES = (
    Rule(
        "expired",
        "Expired",
        Subject.CERTIFICATE,
        Severity.CRITICAL,
        1,
        "Clients that check dates refuse the connection, and people learn to click warnings away.",
        ("Renew the certificate.", "Install the new one on every node."),
        "RFC 5280, section 4.1.2.5",
    ),
    Rule(
        "expiring",
        "Expiring",
        Subject.CERTIFICATE,
        Severity.MEDIUM,
        14,
        "Less than a third of its life is left. What is renewed by hand is renewed late.",
        ("Renew it now, while a failed attempt can still be repeated.", "Install it on every node."),
        "RFC 9773, section 1; a third of the lifetime, at most 30 days",
    ),
    Rule(
        "not_yet_valid",
        "Not yet valid",
        Subject.CERTIFICATE,
        Severity.HIGH,
        1,
        "Clients refuse it until its first day. The usual cause is a wrong clock or an early installation.",
        (
            "Serve the earlier certificate until then, or issue it anew.",
            "Compare the clocks.",
        ),
        "RFC 5280, section 4.1.2.5",
    ),
    Rule(
        "self_signed",
        "Self-signed",
        Subject.CERTIFICATE,
        Severity.MEDIUM,
        30,
        "Nobody but the server itself vouches for its key, and it cannot be revoked.",
        (
            "Replace it with a certificate of one of your authorities.",
            "If it must stay, give it an owner and a reason.",
        ),
        "RFC 5280, section 3.2",
    ),
    Rule(
        "weak_key",
        "Weak key",
        Subject.CERTIFICATE,
        Severity.HIGH,
        7,
        "Who breaks the key can read and change what its server sends.",
        ("Issue a certificate with a new ECDSA P-256 or RSA 2048 key (or larger).", "Do not use the old key again."),
        "CA/Browser Forum TLS Baseline Requirements, section 6.1.5; NIST SP 800-131A r2",
    ),
    Rule(
        "sha1_signature",
        "SHA-1 or MD5 signature",
        Subject.CERTIFICATE,
        Severity.HIGH,
        7,
        "Two certificates with the same SHA-1 or MD5 digest can be made, so the signature proves nothing.",
        ("Have the certificate issued again with SHA-256 or better.", "Ask the issuer to retire the old signature."),
        "CA/Browser Forum TLS Baseline Requirements, section 7.1.3.2",
    ),
    Rule(
        "key_reuse",
        "Shared key",
        Subject.CERTIFICATE,
        Severity.MEDIUM,
        30,
        "One stolen key opens every service that uses it, and all must be replaced at once.",
        ("Give each service a key of its own at its next renewal.",),
        "NIST SP 1800-16 B, section 5.1",
    ),
    Rule(
        "ownerless",
        "No owner",
        Subject.CERTIFICATE,
        Severity.LOW,
        14,
        "Nobody is told when it expires, and nobody renews it.",
        ("Give it an owner on its page.",),
        "NIST SP 1800-16 B, section 5.1",
    ),
    Rule(
        "wrong_name",
        "Wrong name",
        Subject.ENDPOINT,
        Severity.HIGH,
        3,
        "Clients that ask for this name refuse the certificate.",
        ("Add the name to the certificate, or serve the certificate that carries it.",),
        "RFC 9525, section 6",
    ),
    Rule(
        "incomplete_chain",
        "Chain incomplete",
        Subject.ENDPOINT,
        Severity.HIGH,
        7,
        "Browsers may fetch what is missing; programs (curl, Java, Go) refuse the connection.",
        ("Install the issuer's intermediate certificates after the certificate itself.",),
        "RFC 8446, section 4.4.2; RFC 5246, section 7.4.2",
    ),
    Rule(
        "misordered_chain",
        "Chain out of order",
        Subject.ENDPOINT,
        Severity.LOW,
        30,
        "TLS 1.2 asks for each certificate to be followed by its issuer; strict clients refuse another order.",
        ("Put the certificate first and each issuer directly after what it issued.",),
        "RFC 5246, section 7.4.2; RFC 8446, section 4.4.2",
    ),
    Rule(
        "superfluous_chain",
        "Chain too long",
        Subject.ENDPOINT,
        Severity.LOW,
        30,
        "Certificates that no client needs cost every connection time, and often betray a forgotten renewal.",
        ("Remove what is not on the path from the certificate to its root.",),
        "RFC 8446, section 4.4.2",
    ),
    Rule(
        "untrusted_path",
        "No trusted path",
        Subject.ENDPOINT,
        Severity.HIGH,
        7,
        "No path leads from what the server sends to a root that you trust.",
        (
            "If the authority is your own, an administrator trusts its root: manage.py trust NAME FILE.",
            "If the server does not send an intermediate certificate, install it after the certificate itself.",
            "Otherwise use a certificate of a trusted authority.",
        ),
        "RFC 5280, section 6",
    ),
    Rule(
        "old_tls",
        "Old TLS only",
        Subject.ENDPOINT,
        Severity.MEDIUM,
        30,
        "The best that the server offers is TLS 1.0 or 1.1, which modern clients refuse.",
        ("Switch on TLS 1.2 and 1.3.",),
        "RFC 8996",
    ),
    Rule(
        "broken_handshake",
        "Broken handshake",
        Subject.ENDPOINT,
        Severity.HIGH,
        1,
        "The server shows its certificate, but no connection comes about. Often its key is that of another one.",
        ("Install the certificate and the key that belong together, and reload the server.",),
        "RFC 8446, sections 4.4.3 and 6.2",
    ),
    Rule(
        "not_same_everywhere",
        "Not the same everywhere",
        Subject.ENDPOINT,
        Severity.HIGH,
        1,
        "Another node of this service already serves a newer certificate; this one was left behind.",
        ("Install the newer certificate on this node and reload its server.",),
        "NIST SP 1800-16 B, section 5.3",
    ),
)

CATALOGUE: dict[str, Rule] = {rule.code: rule for rule in _RULES}
TITLES: dict[str, str] = {rule.code: rule.title for rule in _RULES}
