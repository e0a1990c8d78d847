"""What can be wrong with a path whose signatures are right (RFC 5280, section 6.1).

Each check is a function of the certificates, leaf first and anchor last; the first fault counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

from cryptography.x509 import BasicConstraints, load_der_x509_certificate
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from inventory.x509 import ParsedCertificate
from inventory.x509.strict import REFUSALS

Purpose = Literal["server", "client"]
Certificates = Sequence[ParsedCertificate]

BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
LEAST_RSA_BITS = 2048
_WANTED = {"server": "serverAuth", "client": "clientAuth"}
_NAME_CONSTRAINTS = "2.5.29.30"
# Extensions that clients process; any other that is critical must make them refuse (section 4.2).
_PROCESSED = frozenset(
    {
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        _NAME_CONSTRAINTS,
        "2.5.29.31",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.35",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
        "1.3.6.1.5.5.7.1.1",
        "1.3.6.1.5.5.7.1.24",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is for programs; with "unknown" the sentence says why it could not be judged."""

    code: str
    sentence: str


def first_fault(certificates: Certificates, moment: datetime, purpose: Purpose) -> Fault | None:
    return (
        _date_fault(certificates, moment)
        or _authority_fault(certificates)
        or _strength_fault(certificates)
        or _length_fault(certificates)
        or _purpose_fault(certificates, purpose)
        or _critical_fault(certificates)
        or _constraint_fault(certificates, moment)
    )


def _date_fault(certificates: Certificates, moment: datetime) -> Fault | None:
    """The leaf's own dates are not the path's business: they are a status of the leaf."""
    for issuer in certificates[1:]:
        begins, ends = issuer.not_before, issuer.not_after
        if begins is None or ends is None:
            return Fault("unknown", f"The dates of {issuer.name}, which is on the path, could not be read.")
        if moment > ends:
            return Fault("expired", f"{issuer.name}, which is on the path, ended on {ends:%Y-%m-%d}.")
        if moment < begins:
            return Fault("not_yet_valid", f"{issuer.name}, which is on the path, begins on {begins:%Y-%m-%d}.")
    return None


def _authority_fault(certificates: Certificates) -> Fault | None:
    for below, issuer in pairwise(certificates):
        # Version 1 cannot say that it is a CA; a root that somebody trusts may be so old.
        unsaid = issuer.is_ca is None and issuer is not certificates[-1]
        if issuer.is_ca is False or unsaid:
            return Fault("not_a_ca", f"{issuer.name} signed {below.name}, but is not a CA.")
        if issuer.key_usage and "keyCertSign" not in issuer.key_usage:
            return Fault("not_a_ca", f"The key of {issuer.name} signed {below.name}, but may not sign certificates.")
    return None


def _strength_fault(certificates: Certificates) -> Fault | None:
    """What clients refuse between leaf and anchor: the leaf's own strength is a finding, and an anchor was chosen."""
    for issuer in certificates[1:-1]:
        if issuer.signature_hash in BROKEN_HASHES:
            sentence = f"{issuer.name}, which is on the path, is signed with {issuer.signature_algorithm}."
            return Fault("weak_signature", sentence)
        if issuer.key_type == "RSA" and issuer.key_bits is not None and issuer.key_bits < LEAST_RSA_BITS:
            sentence = f"The RSA key of {issuer.name}, which is on the path, has only {issuer.key_bits:,} bits."
            return Fault("weak_key", sentence)
    return None


def _length_fault(certificates: Certificates) -> Fault | None:
    for place, issuer in enumerate(certificates[1:], start=1):
        below = sum(not certificate.is_self_issued for certificate in certificates[1:place])
        if issuer.path_length is not None and below > issuer.path_length:
            allowed = f"{issuer.path_length} more on the path, and there are {below}"
            return Fault("path_too_long", f"{issuer.name} allows only {allowed}.")
    return None


def _purpose_fault(certificates: Certificates, purpose: Purpose) -> Fault | None:
    """An anchor is trusted for what its store is for; what it says of itself does not limit it."""
    fitting = {_WANTED[purpose], "anyExtendedKeyUsage"}
    for certificate in certificates[: max(len(certificates) - 1, 1)]:
        stated = certificate.extended_key_usage
        if stated and not fitting.intersection(stated):
            return Fault(
                "purpose", f"{certificate.name} is not meant for a TLS {purpose}, but for {', '.join(stated[:5])}."
            )
    return None


def _critical_fault(certificates: Certificates) -> Fault | None:
    for certificate in certificates:
        if certificate.is_precertificate:
            return Fault("precertificate", f"{certificate.name} is a precertificate, which no client accepts.")
        for extension in certificate.extensions:
            if extension.critical and extension.oid not in _PROCESSED:
                sentence = (
                    f"{certificate.name} carries a critical extension that clients do not know ({extension.oid})."
                )
                return Fault("critical_extension", sentence)
    return None


def _constraint_fault(certificates: Certificates, moment: datetime) -> Fault | None:
    """Name constraints (section 4.2.1.10), where there are any, as `cryptography` judges them."""
    issuers = certificates[1:]
    if not any(found.oid == _NAME_CONSTRAINTS for issuer in issuers for found in issuer.extensions):
        return None
    try:
        _verify(certificates, moment)
    except VerificationError as error:
        return _refusal(str(error))
    except REFUSALS as error:
        return Fault("unknown", f"The name constraints on the path could not be checked: {error}.")
    return None


def _verify(certificates: Certificates, moment: datetime) -> None:
    leaf, *issuers = (load_der_x509_certificate(certificate.der) for certificate in certificates)
    issuing = ExtensionPolicy.permit_all().require_present(BasicConstraints, Criticality.AGNOSTIC, None)
    policy = PolicyBuilder().store(Store(issuers[-1:])).time(moment).max_chain_depth(len(issuers))
    policy = policy.extension_policies(ca_policy=issuing, ee_policy=ExtensionPolicy.permit_all())
    # The verifier of clients asks for no name; who the certificate is for is judged elsewhere.
    policy.build_client_verifier().verify(leaf, issuers[:-1])


def _refusal(reason: str) -> Fault:
    if "name constraint" in reason:
        return Fault("name_constraints", f"A CA on the path may not issue for these names ({reason}).")
    return Fault("unknown", f"The name constraints on the path could not be checked: {reason}.")
