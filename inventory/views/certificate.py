"""The page of one certificate, its owner and details, and its bytes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from inventory.models import Certificate, CertificateDer
from inventory.snapshot.certificate import certificate_page, pem
from inventory.views.editing import Page, change_details, change_owner
from inventory.views.listing import person
from inventory.views.panels import chosen, panels


def _seen(user: User) -> QuerySet[Certificate]:
    return Certificate.objects.visible_to(user).select_related("issuer", "owner_team", "owner_person")


def _context(certificate: Certificate, user: User, now: datetime) -> dict[str, Any]:
    return {
        "page": certificate_page(certificate, user, now),
        "certificate": certificate,
        "links": PAGE.links(certificate.pk),
        "panels": panels(settings.CERTIFICATE_PANELS, certificate.pk),
        "may_change": user.may_change,
    }


PAGE = Page("certificate", "inventory/certificate_detail.html", _seen, _context)


@require_safe
def certificate_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = person(request), timezone.now()
    context = _context(PAGE.find(user, pk), user, now)
    return render(request, PAGE.template, {**context, "panel": chosen(context["panels"], request.GET.get("tab", ""))})


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_owner(request: HttpRequest, pk: int) -> HttpResponse:
    return change_owner(request, PAGE, pk)


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_details(request: HttpRequest, pk: int) -> HttpResponse:
    return change_details(request, PAGE, pk)


@require_safe
def certificate_pem(request: HttpRequest, pk: int) -> HttpResponse:
    certificate, der = _bytes(request, pk)
    return _download(pem(der).encode(), "application/x-pem-file", certificate, "pem")


@require_safe
def certificate_der(request: HttpRequest, pk: int) -> HttpResponse:
    """RFC 2585, section 4.1: one certificate in DER."""
    certificate, der = _bytes(request, pk)
    return _download(der, "application/pkix-cert", certificate, "cer")


def _bytes(request: HttpRequest, pk: int) -> tuple[Certificate, bytes]:
    certificate: Certificate = PAGE.find(person(request), pk)
    stored = CertificateDer.objects.filter(certificate=certificate).first()
    if stored is None:
        raise Http404
    return certificate, bytes(stored.der)


def _download(content: bytes, content_type: str, certificate: Certificate, extension: str) -> HttpResponse:
    # The name comes from a stranger: only letters, digits, dots and dashes of it reach the header.
    name = re.sub(r"[^a-z0-9.-]+", "_", certificate.name.lower()).strip("._-")[:60]
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = (
        f'attachment; filename="{name or "certificate"}-{certificate.sha256[:8]}.{extension}"'
    )
    return response
