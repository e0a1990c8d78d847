"""Two certificates beside each other, chosen from one family or named by fingerprint, number or PEM."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from inventory.filters.search import as_hex
from inventory.models import Certificate
from inventory.snapshot.comparison import MOST_SHOWN, compare, others_of
from inventory.views.listing import person
from inventory.x509 import split_pem

TEMPLATE = "inventory/certificate_compare.html"
LONGEST = 100_000


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_compare(request: HttpRequest) -> HttpResponse:
    """Both must be visible to the person: what is not, is not there. By POST comes what is too long for an address."""
    user, now = person(request), timezone.now()
    if request.method == "POST":
        return _named(request, user)
    a, b = (_chosen(user, request.GET.get(name, "")) for name in ("a", "b"))
    return render(request, TEMPLATE, _context(user, a, b) | {"found": compare(a, b, user, now) if a and b else None})


def _context(user: User, a: Certificate | None, b: Certificate | None) -> dict[str, Any]:
    return {"a": a, "b": b, "others": others_of(a, user) if a and not b else [], "most_shown": MOST_SHOWN}


def _chosen(user: User, pk: str) -> Certificate | None:
    if not pk:
        return None
    if not pk.isascii() or not pk.isdigit() or len(pk) > 18:
        raise Http404
    found = _seen(user).filter(pk=int(pk)).first()
    if found is None:
        raise Http404
    return found


def _seen(user: User) -> QuerySet[Certificate]:
    return Certificate.objects.visible_to(user).select_related("issuer", "owner_team")


def _named(request: HttpRequest, user: User) -> HttpResponse:
    texts = {name: request.POST.get(name, "").strip()[:LONGEST] for name in ("a", "b")}
    found = {name: _find(user, text) for name, text in texts.items()}
    missing = [name for name, text in texts.items() if text and found[name] is None]
    if missing or not any(found.values()):
        problem = _("What you named is not in the inventory, as far as you may see it.")
        context = {**_context(user, found["a"], None), "problem": problem}
        return render(request, TEMPLATE, context, status=422)
    query = urlencode({name: row.pk for name, row in found.items() if row})
    return redirect(f"{reverse('inventory:certificate_compare')}?{query}")


def _find(user: User, text: str) -> Certificate | None:
    """The certificate that a number of ours, a SHA-256 or a PEM names."""
    if "-----BEGIN" in text:
        blocks = (block.content for block in split_pem(text.encode()) if block.label.endswith("CERTIFICATE"))
        content = next((block for block in blocks if block is not None), None)
        digest = hashlib.sha256(content).hexdigest() if content else ""
    else:
        digest = as_hex(text)
    if len(digest) == 64:
        return _seen(user).filter(sha256=digest).first()
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return _seen(user).filter(pk=int(text)).first()
    return None
