"""Networks: where connections may go, and where never."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.services import require_administrator
from certdash.lib.htmx import HtmxRequest
from discovery import services
from discovery.forms import NetworkForm
from discovery.models import Network


@require_safe
def network_list(request: HtmxRequest) -> HttpResponse:
    rows = Network.objects.select_related("zone", "owner_team", "coverage")
    networks = services.networks_now(rows, timezone.now())
    ownerless = sum(line.row.is_ownerless for line in networks)
    return render(request, "discovery/network_list.html", {"networks": networks, "ownerless": ownerless})


@require_http_methods(["GET", "HEAD", "POST"])
def network_new(request: HtmxRequest) -> HttpResponse:
    user = require_administrator(request.user)
    form = NetworkForm(request.POST if request.method == "POST" else None, initial=_proposed(request))
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        network = services.save_network(given.pop("network"), actor=user, now=timezone.now(), **given)
        messages.success(request, _("“%(network)s” is saved.") % {"network": network})
        return redirect("discovery:network_list")
    return render(request, "discovery/network_new.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def network_delete(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_administrator(request.user)
    network = get_object_or_404(Network, pk=pk)
    services.delete_network(network, actor=user, now=timezone.now())
    messages.success(request, _("“%(network)s” is removed.") % {"network": network})
    return redirect("discovery:network_list")


def _proposed(request: HtmxRequest) -> dict[str, Any]:
    """What a link asks for, and the team that owns what nobody said otherwise of."""
    return {"owner_team": services.house_team_if_any(), **request.GET.dict()}
