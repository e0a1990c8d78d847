"""The child that opens one PKCS#12 file: ``python -m inventory.sources.opener`` under limits of its own.

Rounds of key derivation are counted before anything is derived. What holds private keys alone is left out before the
rest is opened, so that no such key is decrypted, nor checked, which alone takes seconds for a large one. Where a key
lies in one encrypted part with certificates, that part opens as a whole: the key is refused, and never leaves this
process.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any, TypeAlias

from asn1crypto import cms, pkcs12
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from inventory.sources.value import KEY_REASON, NEEDS_PASSWORD, WRONG_PASSWORD

CPU_SECONDS = 2
MEMORY_BYTES = 512 * 2**20
MOST_ROUNDS = 1_000_000
_KEY_BAGS = {"key_bag", "pkcs8_shrouded_key_bag"}
# What asn1crypto raises on bytes that it cannot make sense of.
_FAILURES = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
Answer: TypeAlias = tuple[bytes | None, str]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    password = json.loads(sys.stdin.buffer.readline())
    answers = open_pkcs12(sys.stdin.buffer.read(), password)
    json.dump([(base64.b64encode(der).decode() if der else "", reason) for der, reason in answers], sys.stdout)


def open_pkcs12(raw: bytes, password: str) -> list[Answer]:
    try:
        pfx = pkcs12.Pfx.load(raw)
        safes = list(pkcs12.AuthenticatedSafe.load(pfx["auth_safe"]["content"].native))
        rounds = _checksum_rounds(pfx) + sum(map(_rounds, safes))
        if rounds > MOST_ROUNDS:
            return [(None, f"It asks for {rounds:,} rounds of key derivation; {MOST_ROUNDS:,} are the most.")]
        return [answer for safe in safes for answer in _contents(safe, password)]
    except _FAILURES:
        return [(None, "It is not a PKCS#12 file that can be read.")]


def _checksum_rounds(pfx: Any) -> int:
    checksum = pfx["mac_data"].native
    return int(checksum["iterations"]) if checksum else 0


def _rounds(safe: Any) -> int:
    """What deriving the key of one safe costs; of what lies open, nothing."""
    if safe["content_type"].native != "encrypted_data":
        return 0
    algorithm = safe["content"]["encrypted_content_info"]["content_encryption_algorithm"]
    return int(algorithm.kdf_iterations)


def _contents(safe: Any, password: str) -> Iterator[Answer]:
    kind = safe["content_type"].native
    if kind == "data":
        for bag in pkcs12.SafeContents.load(safe["content"].native):
            yield _of_bag(bag)
    elif kind == "encrypted_data":
        yield from _decrypted(safe, password)
    else:
        yield None, "It is protected by a certificate instead of a password."


def _of_bag(bag: Any) -> Answer:
    kind = bag["bag_id"].native
    if kind in _KEY_BAGS:
        return None, KEY_REASON
    if kind == "cert_bag" and bag["bag_value"]["cert_id"].native == "x509":
        return bytes(bag["bag_value"]["cert_value"].parsed.dump()), ""
    return None, "This part of the file is not a certificate."


def _decrypted(safe: Any, password: str) -> Iterator[Answer]:
    """Open one safe as a file of its own, without the private keys that lie beside it."""
    alone = pkcs12.AuthenticatedSafe([safe]).dump()
    whole = pkcs12.Pfx({"version": "v3", "auth_safe": cms.ContentInfo({"content_type": "data", "content": alone})})
    try:
        opened = load_pkcs12(whole.dump(), password.encode() if password else None)
    except ValueError:
        yield None, WRONG_PASSWORD if password else NEEDS_PASSWORD
        return
    if opened.key is not None:
        yield None, KEY_REASON
    for held in filter(None, [opened.cert, *opened.additional_certs]):
        yield held.certificate.public_bytes(Encoding.DER), ""


if __name__ == "__main__":
    main()
