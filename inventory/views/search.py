"""One question to the whole inventory: a name, a host, an address, a serial number, a fingerprint, or a whole PEM."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from inventory import filters
from inventory.filters import Filtered, error_sentences
from inventory.filters.search import as_address, as_hex, host_and_port, serials
from inventory.models import Certificate, Endpoint
from inventory.names import normalise
from inventory.snapshot.rows import certificate_rows, endpoint_rows, with_listed
from inventory.views.listing import person
from inventory.x509 import split_pem

SHOWN = 8
LONGEST = 10_000
# What is pasted comes by POST: an address holds a few thousand characters.
LONGEST_PASTED = 200_000
# A SHA-1 has as many digits.
SHA1_DIGITS = 40
MOST_PORTS = 65_535
TEMPLATE = "inventory/search.html"


@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    user = person(request)
    if request.method == "POST":
        text = request.POST.get("q", "").strip()[:LONGEST_PASTED]
    else:
        text = request.GET.get("q", "").strip()[:LONGEST]
    if "-----BEGIN" in text:
        return _by_pem(request, user, text)
    text = text[:LONGEST]
    found = _exactly(user, text)
    if found is not None:
        return redirect("inventory:certificate_detail", found.pk)
    place = _place(user, text)
    if place is not None:
        return redirect("inventory:endpoint_detail", place)
    return render(request, TEMPLATE, _context(user, text) if text else {"search_query": ""})


def _by_pem(request: HttpRequest, user: User, text: str) -> HttpResponse:
    """Find the first certificate of pasted text by the digest of its bytes; nothing of it is kept."""
    blocks = [block for block in split_pem(text.encode()) if block.label.endswith("CERTIFICATE")]
    block = next((block for block in blocks if block.content is not None), None)
    if block is None or block.content is None:
        why = blocks[0].reason if blocks else _("there is no certificate in it")
        return render(request, TEMPLATE, {"search_query": "", "pem_problem": why}, status=422)
    sha256 = hashlib.sha256(block.content).hexdigest()
    found = Certificate.objects.visible_to(user).filter(sha256=sha256).first()
    if found is not None:
        return redirect("inventory:certificate_detail", found.pk)
    return render(request, TEMPLATE, {"search_query": "", "pem_sha256": sha256})


def _exactly(user: User, text: str) -> Certificate | None:
    """The one certificate that a whole fingerprint or serial number names."""
    digits = as_hex(text)
    if len(digits) < 8:
        return None
    rows = Certificate.objects.visible_to(user)
    named = rows.filter(sha256=digits) if len(digits) == 64 else rows.filter(serial_number__in=serials(digits))
    found = list(named[:2])
    return found[0] if len(found) == 1 else None


def _place(user: User, text: str) -> int | None:
    """The one node, out of those that are not retired, that an address or name with its port means."""
    host, port = host_and_port(text)
    if not port or int(port) > MOST_PORTS:
        return None
    address = as_address(host)
    named = Q(server_name=normalise(host)) if address is None else Q(address=address)
    found = list(
        Endpoint.objects.visible_to(user).alive().filter(named, port=int(port)).values_list("pk", flat=True)[:2]
    )
    return found[0] if len(found) == 1 else None


def _context(user: User, text: str) -> dict[str, Any]:
    now = timezone.now()
    asked = {"q": text}
    everything = {**asked, "kind": "any", "retired": "any"}
    certificates = filters.certificates(everything, user, now)
    endpoints = filters.endpoints({**asked, "retired": "any"}, user, now)
    issuers = filters.issuers(asked, user, now)
    listed = with_listed(certificates.ordered())
    served = endpoints.ordered().select_related("certificate", "owner_team")
    return {
        "search_query": text,
        "errors": error_sentences(certificates.errors),
        "looks_like_sha1": len(as_hex(text)) == SHA1_DIGITS,
        "certificates": certificate_rows(listed[:SHOWN], now),
        "certificates_count": _count(certificates),
        "certificates_url": f"{reverse('inventory:certificate_list')}?{urlencode(everything)}",
        "endpoints": endpoint_rows(served[:SHOWN], now),
        "endpoints_count": _count(endpoints),
        "endpoints_url": f"{reverse('inventory:endpoint_list')}?{urlencode({**asked, 'retired': 'any'})}",
        "issuers": list(issuers.ordered()[:SHOWN]),
        "issuers_count": _count(issuers),
        "issuers_url": f"{reverse('inventory:issuer_list')}?{urlencode(asked)}",
    }


def _count(result: Filtered[Any]) -> str:
    return filters.in_words(result.count())
