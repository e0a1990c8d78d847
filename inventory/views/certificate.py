"""The page of one certificate, its owner and details, and its bytes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.services import require_change
from inventory.forms import ReasonForm
from inventory.models import Certificate, CertificateDer
from inventory.services import ServedError, retire_certificate, unretire_certificate
from inventory.snapshot.certificate import certificate_page, pem
from inventory.snapshot.questions import questions_about
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
        "form": ReasonForm(label_suffix=""),
        "questions": questions_about(certificate, now),
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


@require_POST
def certificate_retire(request: HttpRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, retire=True)


@require_POST
def certificate_restore(request: HttpRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, retire=False)


def _decide(request: HttpRequest, pk: int, *, retire: bool) -> HttpResponse:
    user, now = require_change(person(request)), timezone.now()
    item: Certificate = PAGE.find(user, pk)
    form = ReasonForm(request.POST, label_suffix="")
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            if retire:
                retire_certificate(item, reason, actor=user, now=now)
                messages.success(request, _("The certificate was retired. It is counted nowhere until it is served."))
            else:
                unretire_certificate(item, reason, actor=user, now=now)
                messages.success(request, _("The certificate is counted again."))
            return redirect("inventory:certificate_detail", pk)
        except ServedError as error:
            form.add_error(None, str(error))
    return render(request, PAGE.template, {**_context(item, user, now), "form": form}, status=422)


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
