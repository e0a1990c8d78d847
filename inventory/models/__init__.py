"""What is known now: certificates, chains, endpoints, and how we know them."""

from inventory.models.certificates import (
    Certificate,
    CertificateDer,
    CertificateName,
    Issuer,
    Risk,
)
from inventory.models.chains import Chain, ChainLink
from inventory.models.endpoints import Endpoint, ServedChain, Sighting
from inventory.models.standing import (
    Criticality,
    Environment,
    Exposure,
    Origin,
    Purpose,
    Severity,
    Tag,
)
from inventory.models.totals import Total
from inventory.models.trust_stores import TrustStore

__all__ = [
    "Certificate",
    "CertificateDer",
    "CertificateName",
    "Chain",
    "ChainLink",
    "Criticality",
    "Endpoint",
    "Environment",
    "Exposure",
    "Issuer",
    "Origin",
    "Purpose",
    "Risk",
    "ServedChain",
    "Severity",
    "Sighting",
    "Tag",
    "Total",
    "TrustStore",
]
