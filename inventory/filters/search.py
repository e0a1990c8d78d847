"""What one search box understands: part of a name, a serial number, a fingerprint, an issuer, a host or an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from inventory.addresses import pack
from inventory.filters.base import MOST_COUNTED
from inventory.filters.texts import called, names_holding, services_holding
from inventory.models import Certificate, CertificateName, Endpoint, Issuer
from inventory.models.among import among
from inventory.names import normalise

_HEX = re.compile(r"[0-9a-f]{2,128}", re.ASCII)
_SHORTEST_SERIAL = 6
_SHA256 = 64
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


def few_certificates(text: str, endpoints: QuerySet[Endpoint]) -> set[int] | None:
    """The ids of certificates; hosts and addresses match only through ``endpoints`` (what the person sees).

    None if some part of the question fits more than ``MOST_COUNTED`` rows, whoever sees those.
    """
    most = MOST_COUNTED + 1
    found = [list(rows.order_by()[:most]) for rows in _exact_certificates(text, endpoints)]
    if not is_exact(text):
        host, port = host_and_port(text)
        served = services_holding(normalise(host), most)
        found += [names_holding(normalise(text), most), called(text, most), served]
        if len(served) < most:
            asked = endpoints.filter(_at_port(Q(server_name__contains=normalise(host)), port), among("pk", served))
            found[-1] = list(asked.exclude(certificate=None).order_by().values_list("certificate", flat=True))
    return None if any(len(ids) == most for ids in found) else {pk for ids in found for pk in ids}


def certificates_holding(text: str, endpoints: QuerySet[Endpoint]) -> Q:
    """The same answer row by row: many hits are met early on any walk through an index.

    Exactly the same, because rows that the person does not see decide which of the two is asked.
    """
    digits, (host, port) = as_hex(text), host_and_port(text)
    if len(digits) == _SHA256:
        return Q(sha256=digits) | Q(spki_sha256=digits)
    names = CertificateName.objects.filter(certificate=OuterRef("pk"))
    served = endpoints.filter(certificate=OuterRef("pk"))
    if (address := as_address(host)) is not None:
        found = Q(Exists(served.filter(_at_port(Q(address=address), port))))
        return found if port else found | Q(Exists(names.filter(value=text.strip().strip("[]"))))
    found = Q(Exists(names.filter(value__contains=normalise(text)))) | Q(names_count=0, name__icontains=text)
    found |= Q(Exists(served.filter(_at_port(Q(server_name__contains=normalise(host)), port))))
    found |= Q(issuer__in=list(issuers_matching(text).values_list("pk", flat=True)))
    return found | _spelt(text, digits)


def _spelt(text: str, digits: str) -> Q:
    """Names in another script, numbers, beginnings of fingerprints."""
    found = Q() if text.isascii() else Q(name__icontains=text)
    if len(digits) >= _SHORTEST_SERIAL:
        found |= Q(serial_number__in=serials(digits)) | Q(sha256__gte=digits, sha256__lt=f"{digits}g")
    return found


def is_exact(text: str) -> bool:
    """Whether it names one thing whole: a SHA-256, or an address with or without a port."""
    return len(as_hex(text)) == _SHA256 or as_address(host_and_port(text)[0]) is not None


def _exact_certificates(text: str, endpoints: QuerySet[Endpoint]) -> Iterator[QuerySet[Any, int]]:
    """Querysets of ids; each of them alone is answered from an index."""
    certificates = Certificate.objects.values_list("pk", flat=True)
    digits, (host, port) = as_hex(text), host_and_port(text)
    if len(digits) == _SHA256:
        yield certificates.filter(Q(sha256=digits) | Q(spki_sha256=digits))
    elif (address := as_address(host)) is not None:
        served = endpoints.exclude(certificate=None).values_list("certificate", flat=True)
        yield served.filter(_at_port(Q(address=address), port))
        if not port:
            name = text.strip().strip("[]")
            yield CertificateName.objects.filter(value=name).values_list("certificate", flat=True)
    else:
        yield certificates.filter(issuer__in=issuers_matching(text).values("pk"))
        if not text.isascii():
            # Names are compared as A-labels, and there is no such form of a part of a name.
            yield certificates.filter(name__icontains=text)
        if len(digits) >= _SHORTEST_SERIAL:
            yield certificates.filter(serial_number__in=serials(digits))
            yield certificates.filter(sha256__gte=digits, sha256__lt=f"{digits}g")


def issuers_matching(text: str) -> QuerySet[Issuer]:
    return Issuer.objects.filter(Q(label__icontains=text) | Q(organisation__icontains=text) | Q(name__icontains=text))


def few_endpoints(text: str, certificates: QuerySet[Certificate]) -> set[int] | None:
    """The ids of endpoints by server name, address, port, or what they serve (among ``certificates``).

    None if some part of the question fits more than ``MOST_COUNTED`` rows, whoever sees those.
    """
    most, (host, port) = MOST_COUNTED + 1, host_and_port(text)
    ids = Endpoint.objects.order_by().values_list("pk", flat=True)
    if (address := as_address(host)) is not None:
        found = [list(ids.filter(_at_port(Q(address=address), port))[:most])]
    else:
        found = [services_holding(normalise(host), most)]
        found += [] if port else [_named(text, most)]
    if any(len(each) == most for each in found):
        return None
    if len(found) > 1:
        # Found by an index of all names first, seen only then: the index does not say who sees a certificate.
        seen = certificates.filter(among("pk", found[1])).values("pk")
        found[1] = list(ids.filter(certificate__in=seen)[:most])
    elif port and address is None:
        found[0] = list(ids.filter(among("pk", found[0]), port=int(port)))
    return None if len(found[-1]) == most else {pk for each in found for pk in each}


def endpoints_holding(text: str, certificates: QuerySet[Certificate]) -> Q:
    """The same answer row by row."""
    digits, (host, port) = as_hex(text), host_and_port(text)
    if (address := as_address(host)) is not None:
        return _at_port(Q(address=address), port)
    found = _at_port(Q(service__contains=normalise(host)), port)
    if port:
        return found
    named = CertificateName.objects.filter(certificate=OuterRef("pk"), value__contains=normalise(text))
    holding = Q(Exists(named)) | Q(names_count=0, name__icontains=text)
    asked = Q(sha256=digits) if len(digits) == _SHA256 else holding
    return found | Q(Exists(certificates.filter(asked, pk=OuterRef("certificate"))))


def _named(text: str, most: int) -> list[int]:
    """Ids of certificates, whoever sees them."""
    digits = as_hex(text)
    if len(digits) == _SHA256:
        return list(Certificate.objects.filter(sha256=digits).values_list("pk", flat=True))
    found = [names_holding(normalise(text), most), called(text, most)]
    return max(found, key=len) if any(len(ids) == most for ids in found) else list({*found[0], *found[1]})


def _at_port(found: Q, port: str) -> Q:
    return found & Q(port=int(port)) if port else found


def host_and_port(text: str) -> tuple[str, str]:
    if as_hex(text) and text.count(":") > 2:
        return text, ""
    match = re.fullmatch(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:]+):(?P<port>\d{1,5})", text.strip())
    return (match["host"], match["port"]) if match else (text, "")
