"""The page of one certificate, its owner, and its bytes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.services import require_change
from certdash.lib.htmx import page_or_fragment
from inventory.forms import OwnerForm
from inventory.models import Certificate, CertificateDer
from inventory.services import assign_owner
from inventory.snapshot.certificate import certificate_page, pem
from inventory.views.listing import person
from inventory.views.panels import chosen, panels

TEMPLATE = "inventory/certificate_detail.html"


def _visible(user: User, pk: int) -> Certificate:
    """The certificate, or 404: that a row exists is not told to those who may not see it."""
    rows = Certificate.objects.visible_to(user).select_related("issuer", "owner_team", "owner_person")
    return get_object_or_404(rows, pk=pk)


@require_safe
def certificate_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = person(request), timezone.now()
    context = _context(_visible(user, pk), user, now)
    return render(request, TEMPLATE, {**context, "panel": chosen(context["panels"], request.GET.get("tab", ""))})


def _context(certificate: Certificate, user: User, now: datetime, form: OwnerForm | None = None) -> dict[str, Any]:
    return {
        "page": certificate_page(certificate, user, now),
        "certificate": certificate,
        "panels": panels(settings.CERTIFICATE_PANELS, certificate.pk),
        "may_change": user.may_change,
        "owner_form": form,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def certificate_owner(request: HttpRequest, pk: int) -> HttpResponse:
    """The form that changes the owner, in place: the whole page without htmx, the owner's block with it."""
    user, now = require_change(person(request)), timezone.now()
    certificate = _visible(user, pk)
    form = OwnerForm(user, certificate, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _save_owner(request, certificate, form, user, now)
    status = 422 if form.is_bound else 200
    template = page_or_fragment(request, TEMPLATE, "owner")
    if template == TEMPLATE:
        return render(request, template, _context(certificate, user, now, form), status=status)
    return render(
        request, template, {"certificate": certificate, "owner_form": form, "may_change": True}, status=status
    )


def _save_owner(
    request: HttpRequest, certificate: Certificate, form: OwnerForm, user: User, now: datetime
) -> HttpResponse:
    chosen = form.cleaned_data
    assign_owner([certificate.pk], chosen["team"], chosen["person"], chosen["reason"], actor=user, now=now)
    if not Certificate.objects.visible_to(user).filter(pk=certificate.pk).exists():
        messages.success(request, _("The owner was changed. You no longer see this certificate."))
        return redirect("inventory:certificate_list")
    template = page_or_fragment(request, TEMPLATE, "owner")
    if template != TEMPLATE:
        context = {"certificate": _visible(user, certificate.pk), "may_change": True, "saved": True}
        return render(request, template, context)
    messages.success(request, _("The owner was changed."))
    return redirect("inventory:certificate_detail", certificate.pk)


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
    certificate = _visible(person(request), pk)
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
