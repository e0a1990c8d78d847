"""The second opinion: what a strict reader (`cryptography`) makes of the same bytes."""

import warnings
from collections.abc import Callable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from inventory.x509.text import storable
from inventory.x509.value import Problem

# What `cryptography` raises on hostile certificates; DuplicateExtension and
# UnsupportedGeneralNameType are Exceptions of their own, without a common parent.
REFUSALS = (
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
_LONGEST_REASON = 200

_PARTS: tuple[tuple[str, Callable[[x509.Certificate], object]], ...] = (
    ("version", lambda certificate: certificate.version),
    ("not_before", lambda certificate: certificate.not_valid_before_utc),
    ("not_after", lambda certificate: certificate.not_valid_after_utc),
    ("subject", lambda certificate: certificate.subject),
    ("issuer", lambda certificate: certificate.issuer),
    ("key_label", lambda certificate: certificate.public_key()),
    ("signature_hash", lambda certificate: certificate.signature_hash_algorithm),
    ("extensions", lambda certificate: certificate.extensions),
)


def load(der: bytes) -> x509.Certificate | None:
    """Load without the library's warnings: what it warns of, the reader reports as a problem."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return x509.load_der_x509_certificate(der)
        except REFUSALS:
            return None


def faults(der: bytes) -> list[Problem]:
    """Name each part that a strict reader refuses; an algorithm it does not know is no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            certificate = x509.load_der_x509_certificate(der)
        except REFUSALS as error:
            return [_problem("certificate", error)]
        return [found for part in _PARTS if (found := _fault(certificate, *part))]


def _fault(certificate: x509.Certificate, part: str, read: Callable[[x509.Certificate], object]) -> Problem | None:
    try:
        read(certificate)
    except (UnsupportedAlgorithm, x509.UnsupportedGeneralNameType):
        return None
    except REFUSALS as error:
        return _problem(part, error)
    return None


def _problem(part: str, error: Exception) -> Problem:
    reason = storable(str(error))[:_LONGEST_REASON]
    return Problem(part, f"a strict reader refuses it: {reason or type(error).__name__}")
