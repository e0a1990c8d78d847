"""What is known now: certificates, chains, endpoints, and how we know them."""

from inventory.models.certificates import (
    Certificate,
    CertificateDer,
    CertificateName,
    Issuer,
    Risk,
)
from inventory.models.chains import Chain, ChainLink
from inventory.models.changes import BulkChange, ChangedRow, OwnerQuestion, Stood
from inventory.models.domains import Domain, DomainCertificate
from inventory.models.endpoints import Endpoint, ServedChain, Sighting
from inventory.models.imports import Import, ImportItem, ImportMapping, ImportTouch
from inventory.models.rules import OwnershipRule
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
    "BulkChange",
    "Certificate",
    "CertificateDer",
    "CertificateName",
    "Chain",
    "ChainLink",
    "ChangedRow",
    "Criticality",
    "Domain",
    "DomainCertificate",
    "Endpoint",
    "Environment",
    "Exposure",
    "Import",
    "ImportItem",
    "ImportMapping",
    "ImportTouch",
    "Issuer",
    "Origin",
    "OwnerQuestion",
    "OwnershipRule",
    "Purpose",
    "Risk",
    "ServedChain",
    "Severity",
    "Sighting",
    "Stood",
    "Tag",
    "Total",
    "TrustStore",
]
