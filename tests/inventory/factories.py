"""Rows for tests that need a list, not a handshake: each call makes one plausible row, keywords change it.

Where bytes matter (chains, paths, downloads), use real certificates of ``lab`` instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from inventory.addresses import pack
from inventory.models import (
    Certificate,
    CertificateDer,
    CertificateName,
    Chain,
    ChainLink,
    Endpoint,
    Issuer,
    Risk,
    ServedChain,
    Severity,
    Sighting,
)
from inventory.status import little_life_left_from
from tests.conftest import NOW

_numbers = count(1)


def digest(*words: object) -> str:
    return hashlib.sha256("\0".join(str(word) for word in words).encode()).hexdigest()


def make_issuer(label: str = "Example CA 1") -> Issuer:
    issuer, _ = Issuer.objects.get_or_create(
        name_sha256=digest("issuer", label), defaults={"name": f"CN={label}", "label": label[:200]}
    )
    return issuer


def make_certificate(
    name: str = "www.example.org",
    *,
    days_left: float = 60,
    life_days: float = 90,
    now: datetime = NOW,
    names: Sequence[str] = (),
    issuer: str | Issuer = "Example CA 1",
    risks: Sequence[str] = (),
    **columns: Any,
) -> Certificate:
    """One certificate that ends ``days_left`` days after ``now``; ``names`` come after ``name``."""
    number = next(_numbers)
    not_after = columns.pop("not_after", now + timedelta(days=days_left))
    not_before = columns.pop("not_before", not_after - timedelta(days=life_days) if not_after else None)
    expiring_from, urgent_from = little_life_left_from(not_before, not_after)
    values: dict[str, Any] = {
        "sha256": digest("certificate", number),
        "name": name[:255],
        "subject": f"CN={name}",
        "issuer": make_issuer(issuer) if isinstance(issuer, str) else issuer,
        "serial_number": f"{number:016x}",
        "not_before": not_before,
        "not_after": not_after,
        "expiring_from": expiring_from,
        "urgent_from": urgent_from,
        "key_type": "EC",
        "key_bits": 256,
        "key_label": "ECDSA P-256",
        "signature_algorithm": "ECDSA with SHA-256",
        "signature_hash": "sha256",
        "spki_sha256": digest("key", number),
        "names_sha256": digest(*sorted({name, *names})),
        "names_count": 1 + len(names),
        "is_ca": False,
        "is_self_signed": False,
        "first_seen_at": now - timedelta(days=30),
        "last_seen_at": now - timedelta(minutes=5),
        "worst_severity": Severity.HIGH if risks else Severity.NONE,
        "open_findings": len(risks),
    }
    certificate = Certificate.objects.create(**{**values, **columns})
    CertificateName.objects.bulk_create(
        CertificateName(certificate=certificate, position=at, kind=CertificateName.Kind.DNS, value=value.lower())
        for at, value in enumerate([name, *names])
    )
    Risk.objects.bulk_create(Risk(certificate=certificate, code=code, severity=Severity.HIGH) for code in risks)
    return certificate


def store_der(certificate: Certificate, der: bytes) -> Certificate:
    """Give a row real bytes, and the digest that belongs to them."""
    certificate.sha256 = hashlib.sha256(der).hexdigest()
    certificate.save()
    CertificateDer.objects.create(certificate=certificate, der=der)
    return certificate


def make_chain(*certificates: Certificate) -> Chain:
    chain, created = Chain.objects.get_or_create(
        sha256=hashlib.sha256(b"".join(bytes.fromhex(c.sha256) for c in certificates)).hexdigest(),
        defaults={"length": len(certificates), "leaf": certificates[0]},
    )
    if created:
        ChainLink.objects.bulk_create(
            ChainLink(chain=chain, position=at, certificate=c) for at, c in enumerate(certificates)
        )
    return chain


def make_endpoint(
    address: str = "192.0.2.1",
    port: int = 443,
    server_name: str = "www.example.org",
    *,
    certificate: Certificate | None = None,
    chain: Sequence[Certificate] = (),
    now: datetime = NOW,
    **columns: Any,
) -> Endpoint:
    """One node that was asked five minutes before ``now``, and answered if it serves a certificate."""
    seen = now - timedelta(minutes=5)
    served = certificate is not None
    values: dict[str, Any] = {
        "address": pack(address),
        "port": port,
        "server_name": server_name,
        "service": f"{server_name or address}:{port}",
        "outcome": Endpoint.Outcome.SERVED if served else Endpoint.Outcome.UNREACHABLE,
        "reason": "" if served else "timeout",
        "tls_version": "TLSv1.3" if served else "",
        "certificate": certificate,
        "first_seen_at": now - timedelta(days=30),
        "last_seen_at": seen if served else None,
        "last_tried_at": seen,
    }
    endpoint = Endpoint.objects.create(**{**values, **columns})
    if certificate is not None:
        ServedChain.objects.create(
            endpoint=endpoint,
            chain=make_chain(certificate, *chain),
            certificate=certificate,
            since=now - timedelta(days=30),
            observed_at=seen,
        )
    return endpoint


def make_sighting(certificate: Certificate, source_name: str, source_kind: str = "hosts") -> Sighting:
    return Sighting.objects.create(
        certificate=certificate, source_kind=source_kind, source_name=source_name, first_at=NOW, last_at=NOW
    )
