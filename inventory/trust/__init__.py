"""Paths from what a server sends to what somebody trusts: built, judged and explained."""

from inventory.trust.faults import BROKEN_HASHES, LEAST_RSA_BITS, Fault, Purpose
from inventory.trust.path import Incomplete, NotJudged, Path, Trusted, Untrusted, build_path
from inventory.trust.shape import Shape, Superfluous, chain_shape
from inventory.trust.stores import TrustStore, mozilla_roots, store_from_pem
from inventory.trust.walk import signed_by

__all__ = [
    "BROKEN_HASHES",
    "LEAST_RSA_BITS",
    "Fault",
    "Incomplete",
    "NotJudged",
    "Path",
    "Purpose",
    "Shape",
    "Superfluous",
    "TrustStore",
    "Trusted",
    "Untrusted",
    "build_path",
    "chain_shape",
    "mozilla_roots",
    "signed_by",
    "store_from_pem",
]
