"""From bytes to the columns that are written once: what a certificate says of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from django.db import models

from inventory import x509
from inventory.models import Certificate, CertificateName, Issuer
from inventory.names import domains_of, normalise
from inventory.services.writing import blank
from inventory.status import little_life_left_from
from inventory.x509 import NotACertificate, ParsedCertificate

# What a certificate without end would cost; the certificate keeps the true number, and its bytes the rest.
NAMES_AT_MOST = 5_000
# Few certificates are larger, and who sends one of megabytes must not make us keep it.
USUAL_BYTES = 4_096
_NAME_KINDS = frozenset(CertificateName.Kind.values)
_DETAILS = (
    "version",
    "subject_cn",
    "key_curve",
    "path_length",
    "is_self_issued",
    "key_usage",
    "extended_key_usage",
    "policies",
    "aia_issuers",
    "ocsp_urls",
    "crl_urls",
    "sct_count",
    "must_staple",
    "is_precertificate",
)


class IssuerFacts(NamedTuple):
    """The columns of an issuer."""

    name_sha256: str
    name: str
    label: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Facts:
    """One certificate as unsaved rows. ``names`` holds (kind, value as it is compared) in the certificate's order.

    ``domains``: those that its names stand under → whether a wildcard does.
    """

    sha256: str
    der: bytes
    columns: dict[str, Any]
    names: tuple[tuple[str, str], ...]
    issuer: IssuerFacts | None
    domains: Mapping[str, bool] = field(default_factory=dict)

    @property
    def stored_names(self) -> list[tuple[str, str]]:
        """The names that are kept, as long as their column lets them be."""
        return [(kind, _cut(CertificateName, "value", value)) for kind, value in self.names[:NAMES_AT_MOST]]


def digest_of(der: bytes) -> str:
    """Each step that stores a batch asks for it: those of usual size are remembered, some megabytes of them at most."""
    return _remembered(der) if len(der) <= USUAL_BYTES else hashlib.sha256(der).hexdigest()


@lru_cache(maxsize=1024)
def _remembered(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def facts_of(der: bytes, *, is_sound: bool = False) -> Facts:
    """Read one certificate. Bytes that are none become a row that says so, because a server did send them.

    ``is_sound`` as in ``x509.parse``.
    """
    try:
        parsed = x509.parse(der, is_sound=is_sound)
    except NotACertificate as error:
        return _unreadable(der, str(error))
    names = tuple(_compared_names(parsed))
    columns = _columns(parsed, names)
    domains = domains_of(names[:NAMES_AT_MOST])
    return Facts(parsed.sha256, der, _fitted(Certificate, columns), names, _issuer(parsed), domains)


def _unreadable(der: bytes, reason: str) -> Facts:
    problems = [{"property": "certificate", "reason": reason}]
    columns = {"name": "not a certificate", "conforming": False, "problems": problems, "details": {}}
    return Facts(digest_of(der), der, columns, (), None)


def _columns(parsed: ParsedCertificate, names: Sequence[tuple[str, str]]) -> dict[str, Any]:
    expiring_from, urgent_from = little_life_left_from(parsed.not_before, parsed.not_after)
    return {
        "name": parsed.name,
        "subject": parsed.subject or "",
        "serial_number": parsed.serial_number or "",
        "not_before": parsed.not_before,
        "not_after": parsed.not_after,
        "expiring_from": expiring_from,
        "urgent_from": urgent_from,
        "key_type": parsed.key_type,
        "key_bits": parsed.key_bits,
        "key_label": parsed.key_label,
        "key_oid": parsed.key_oid,
        "signature_algorithm": parsed.signature_algorithm,
        "signature_oid": parsed.signature_oid,
        "signature_hash": parsed.signature_hash or "",
        "spki_sha256": parsed.spki_sha256,
        "subject_key_id": parsed.subject_key_id,
        "authority_key_id": parsed.authority_key_id,
        "subject_sha256": parsed.subject_key,
        "names_sha256": names_digest(names),
        "names_count": len(names),
        "is_ca": parsed.is_ca,
        "is_self_signed": parsed.is_self_signed,
        "conforming": parsed.conforming,
        "problems": [{"property": problem.property, "reason": problem.reason} for problem in parsed.problems],
        "details": _details(parsed, names),
    }


def _details(parsed: ParsedCertificate, names: Sequence[tuple[str, str]]) -> dict[str, Any]:
    details: dict[str, Any] = {name: getattr(parsed, name) for name in _DETAILS}
    details["extensions"] = [[extension.oid, extension.critical] for extension in parsed.extensions]
    # Names as signed, where that is not how they are compared.
    signed = [[at, name.value] for at, name in enumerate(parsed.names[:NAMES_AT_MOST]) if name.value != names[at][1]]
    return details | ({"names_as_signed": signed} if signed else {})


def _compared_names(parsed: ParsedCertificate) -> Iterable[tuple[str, str]]:
    for name in parsed.names:
        kind = name.kind if name.kind in _NAME_KINDS else CertificateName.Kind.OTHER.value
        yield kind, compared(name.kind, name.value)


def compared(kind: str, value: str) -> str:
    """Names of hosts and mailboxes are compared without regard to case (RFC 5280, 7.2 and 7.5)."""
    if kind == "dns":
        return normalise(value)
    return value.lower() if kind in {"ip", "email"} else value


def names_digest(names: Iterable[tuple[str, str]]) -> str:
    """One digest per set of names, whatever their order; empty where there are none."""
    lines = sorted({f"{kind}:{value}" for kind, value in names})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def _issuer(parsed: ParsedCertificate) -> IssuerFacts | None:
    if not parsed.issuer_key:
        return None
    whole = (parsed.issuer_key, parsed.issuer or "", parsed.issuer_label, parsed.issuer_organisation)
    return IssuerFacts(*(_cut(Issuer, name, value) for name, value in zip(IssuerFacts._fields, whole, strict=True)))


def _fitted(model: type[models.Model], columns: dict[str, Any]) -> dict[str, Any]:
    """Cut what is longer than its column; the whole text stays in ``details``."""
    limits = _limits(model)
    whole = {
        name: value
        for name, value in columns.items()
        if name in limits and isinstance(value, str) and len(value) > limits[name]
    }
    if not whole:
        return columns
    cut = {name: _cut(model, name, value) for name, value in whole.items()}
    return {**columns, **cut, "details": {**columns["details"], "whole": whole}}


def _cut(model: type[models.Model], name: str, value: str) -> str:
    limit = _limits(model).get(name)
    return value if limit is None or len(value) <= limit else f"{value[: limit - 1]}…"


@cache
def _limits(model: type[models.Model]) -> dict[str, int]:
    """The columns of limited text."""
    sizes = ((field.attname, getattr(field, "max_length", None)) for field in model._meta.concrete_fields)
    return {name: size for name, size in sizes if size is not None}


def certificate_row(facts: Facts, issuers: Mapping[str, int], domains: Mapping[str, int], now: datetime) -> Certificate:
    """The row to insert: facts, and the standing that every certificate begins with."""
    kind = Certificate.Kind.CA if facts.columns.get("is_ca") else Certificate.Kind.LEAF
    standing = {
        "sha256": facts.sha256,
        "issuer_id": issuers[facts.issuer.name_sha256] if facts.issuer else None,
        "kind": kind.value,
        "first_seen_at": now,
        "judge_at": now,
        "domain_ids": [domains[name] for name in facts.domains],
    }
    return blank(Certificate, {**facts.columns, **standing})


def name_rows(facts: Facts, certificate_id: int) -> Iterable[tuple[int, int, str, str]]:
    """Certificate, position, kind, value."""
    for position, (kind, value) in enumerate(facts.stored_names):
        yield certificate_id, position, kind, value
