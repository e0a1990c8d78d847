"""The panel of a certificate that says who was told of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.services import can_send_mail
from alerts.models import Letter
from certdash.lib.htmx import HtmxRequest, page_or_fragment
from inventory.filters import count_up_to
from inventory.models import Certificate

SHOWN = 20


@require_safe
def certificate_told(request: HtmxRequest, pk: int) -> HttpResponse:
    """Newest first. Addresses of other teams are only counted."""
    certificate = get_object_or_404(Certificate.objects.visible_to(request.user), pk=pk)
    of = Letter.objects.filter(told__certificate=certificate)
    named = of.filter(pk__in=Letter.objects.told_to(request.user).values("pk")).defer("body")
    context = {
        "certificate": certificate,
        "letters": list(named.select_related("person")[:SHOWN]),
        "named": count_up_to(named),
        "others": count_up_to(of.exclude(pk__in=named.order_by().values("pk"))),
        "shown": SHOWN,
        "can_send": can_send_mail(),
    }
    return render(request, page_or_fragment(request, "alerts/told.html", "panel"), context)
