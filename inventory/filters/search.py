"""What one search box understands: part of a name, a serial number, a fingerprint, an issuer, a host or an address."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet

from inventory.addresses import pack
from inventory.models import Certificate, CertificateName, Endpoint, Issuer
from inventory.names import normalise

_HEX = re.compile(r"[0-9a-f]{2,128}", re.ASCII)
_SHORTEST_SERIAL = 6
# Each word is a search of its own.
_MOST_WORDS = 4


def as_hex(text: str) -> str:
    """The hexadecimal digits of a serial number or fingerprint as tools print it, or "".

    Takes colons, spaces, dashes, capitals and a leading 0x.
    """
    digits = re.sub(r"[\s:-]", "", text.lower()).removeprefix("0x")
    return digits if _HEX.fullmatch(digits) else ""


def as_address(text: str) -> bytes | None:
    try:
        return pack(text.strip().strip("[]"))
    except ValueError:
        return None


def serials(digits: str) -> list[str]:
    """A serial number as it may be stored: whole bytes, with or without the zero byte of DER before a high bit."""
    even = digits if len(digits) % 2 == 0 else f"0{digits}"
    bare = even.lstrip("0") or "0"
    whole = bare if len(bare) % 2 == 0 else f"0{bare}"
    return sorted({even, bare, whole, f"00{whole}"})


def words_of(text: str) -> list[str]:
    """What a certificate must match, all of it; digits in groups are one number, and many words one phrase."""
    words = list(dict.fromkeys(text.split()))
    return [text] if as_hex(text) or len(words) > _MOST_WORDS else words


def matching_certificates(text: str, endpoints: QuerySet[Endpoint]) -> QuerySet[Any, Any]:
    """The ids of certificates; hosts and addresses match only through ``endpoints`` (what the person sees).

    One union of short queries instead of one condition with OR, for which neither database uses an index.
    """
    certificates = Certificate.objects.values_list("pk")
    digits = as_hex(text)
    if len(digits) == 64:
        return certificates.filter(Q(sha256=digits) | Q(spki_sha256=digits))
    served = endpoints.exclude(certificate=None).values_list("certificate")
    if (address := as_address(text)) is not None:
        return _named(text.strip().strip("[]")).union(served.filter(address=address))
    host, port = _host_and_port(text)
    if port and (address := as_address(host)) is not None:
        return served.filter(address=address, port=int(port))
    name = normalise(text)
    parts = [
        certificates.filter(_called(name, text)),
        certificates.filter(issuer__in=issuers_matching(text).values("pk")),
        served.filter(server_name__contains=name),
    ]
    if port:
        parts.append(served.filter(server_name__contains=normalise(host), port=int(port)))
    if len(digits) >= _SHORTEST_SERIAL:
        parts.append(certificates.filter(serial_number__in=serials(digits)))
        parts.append(certificates.filter(sha256__gte=digits, sha256__lt=f"{digits}g"))
    return _named(name).union(*parts)


def _named(name: str) -> QuerySet[Any, Any]:
    return CertificateName.objects.filter(value__contains=name).order_by().values_list("certificate")


def _called(name: str, text: str) -> Q:
    """Names stand as signed; one comparison for each row is enough where the text is compared as it is written."""
    called = Q(name__icontains=text)
    return called if name == text.lower() else called | Q(name__contains=name)


def issuers_matching(text: str) -> QuerySet[Issuer]:
    return Issuer.objects.filter(Q(label__icontains=text) | Q(organisation__icontains=text) | Q(name__icontains=text))


def endpoints_matching(text: str, certificates: QuerySet[Certificate]) -> list[Q]:
    """Conditions for endpoints, of which one must hold; each of them alone is answered from an index.

    Of an address it reads a few entries, of a text inside a name all entries of an index that holds the names.
    Server name, address, port, or what they serve (among ``certificates``).
    """
    host, port = _host_and_port(text)
    if (address := as_address(host)) is not None:
        return [_at_port(Q(address=address), port)]
    name = normalise(host)
    found = [_at_port(Q(service__contains=name), port)]  # begins with the server name
    if not port:
        digits = as_hex(text)
        exact = Q(sha256=digits) if len(digits) == 64 else Q(name__icontains=name)
        # Found by an index of all names first, seen only then: the index does not say who sees a certificate.
        named = Certificate.objects.filter(exact).values("pk")
        found.append(Q(certificate__in=certificates.filter(pk__in=named).values("pk")))
    return found


def _at_port(found: Q, port: str) -> Q:
    return found & Q(port=int(port)) if port else found


def _host_and_port(text: str) -> tuple[str, str]:
    if as_hex(text) and text.count(":") > 2:
        return text, ""
    match = re.fullmatch(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:]+):(?P<port>\d{1,5})", text.strip())
    return (match["host"], match["port"]) if match else (text, "")
