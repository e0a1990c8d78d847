"""The last two pages of the first run: what may be scanned, and the first scan."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Team
from accounts.services import next_setup_url, require_administrator, setup_steps
from certdash.lib.htmx import HtmxRequest
from discovery import services
from discovery.addresses import parse_network, wholly_special
from discovery.forms import FirstScanForm, NetworksForm, add_problems
from discovery.models import Network, Source
from discovery.services import ScanRefusedError

NETWORKS, FIRST_SCAN = "discovery:setup_networks", "discovery:setup_first_scan"


@require_http_methods(["GET", "HEAD", "POST"])
def setup_networks(request: HtmxRequest) -> HttpResponse:
    user = require_administrator(request.user)
    form = NetworksForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        with transaction.atomic():
            owner = services.house_team(actor=user, now=now)
            for line in form.cleaned_data["networks"]:
                span = parse_network(line)
                special = bool(wholly_special(span.first, span.last))
                services.save_network(line, actor=user, now=now, allows_special=special, owner_team=owner)
        said = _("Until you say otherwise, the team “%(team)s” owns what is found there and nobody else owns.")
        messages.success(request, said % {"team": owner.name})
        return redirect(next_setup_url(NETWORKS))
    context = {
        "form": form,
        "steps": setup_steps(NETWORKS),
        "next_url": next_setup_url(NETWORKS),
        "has_teams": Team.objects.exists(),
    }
    return render(request, "discovery/setup_networks.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def setup_first_scan(request: HtmxRequest) -> HttpResponse:
    user = require_administrator(request.user)
    source = services.first_source()
    form = FirstScanForm(request.POST if request.method == "POST" else None, initial=_first(source))
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            scan = services.start_first_source(
                asked["targets"], asked["ports"], form.every, actor=user, now=timezone.now()
            )
        except ScanRefusedError as error:
            add_problems(form, error.problems)
        else:
            return redirect("discovery:scan_detail", pk=scan.pk)
    context = {"form": form, "source": source, "steps": setup_steps(FIRST_SCAN), "next_url": "/"}
    return render(request, "discovery/setup_first_scan.html", context, status=422 if form.errors else 200)


def _first(source: Source) -> dict[str, Any]:
    """What stands in the form: the source as it is, or all that may be scanned."""
    allowed = Network.objects.filter(purpose=Network.Purpose.PROBE, is_excluded=False)
    targets = source.targets or "\n".join(allowed.values_list("cidr", flat=True))
    return {"targets": targets, "ports": source.ports, "every_seconds": source.every_seconds}
