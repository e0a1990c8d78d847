"""One X.509 certificate: bytes in, a value out, whatever the bytes are."""

from inventory.x509.pem import Block, split_pem
from inventory.x509.read import NO_NAME, parse
from inventory.x509.value import Extension, Name, NotACertificate, ParsedCertificate, Problem

__all__ = [
    "NO_NAME",
    "Block",
    "Extension",
    "Name",
    "NotACertificate",
    "ParsedCertificate",
    "Problem",
    "parse",
    "split_pem",
]
