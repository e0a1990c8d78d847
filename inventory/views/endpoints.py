"""Endpoints: the list, the page of one with its owner and details, taking one out of service and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import SavedView, User
from accounts.services import require_change
from accounts.services.saved_views import opening_address
from inventory import filters
from inventory.filters import Count, Filtered
from inventory.filters.business import NOBODY
from inventory.filters.endpoint import NEVER, OUTCOMES
from inventory.filters.facets import ENVIRONMENT, SAID, Facet, FacetColumn, Kept, make_facets
from inventory.filters.standing import SEVERITY_CHOICES
from inventory.forms import ReasonForm
from inventory.models import Certificate, Endpoint, ServedChain, Severity
from inventory.services import numbers, retire_endpoint, unretire_endpoint
from inventory.services.totals import ENDPOINTS
from inventory.snapshot.nodes import left_behind
from inventory.snapshot.rows import certificate_row, endpoint_row, endpoint_rows
from inventory.views.columns import ENDPOINT_COLUMNS, columns_context
from inventory.views.editing import Page, change_details, change_owner
from inventory.views.listing import answer, bulk_context, count_of, list_context, person
from inventory.views.panels import chosen, panels

LIST = "inventory/endpoint_list.html"
SIBLINGS = 24
Again = Callable[[str], Filtered[Endpoint]]


@require_safe
def endpoint_list(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    if not request.GET and (address := opening_address(user, SavedView.Page.ENDPOINTS)):
        return redirect(f"{request.path}?{address}")
    result = filters.endpoints(request.GET, user, now)
    # Joined, what a page shows would be read of all that the person sees, before they are put in order.
    page = result.page(result.queryset.prefetch_related("certificate", "owner_team"))
    result = result.settled()
    kept = numbers(user, ENDPOINTS)[ENDPOINTS]
    count = count_of(result, kept.get("total"))

    def again(query: str) -> Filtered[Endpoint]:
        return filters.endpoints(query, user, now)

    context = {
        **list_context(result, page, count, again),
        **columns_context(result.asked, ENDPOINT_COLUMNS),
        "views_page": SavedView.Page.ENDPOINTS.value,
        **bulk_context(user, "inventory:endpoint_change"),
        "rows": endpoint_rows(page.rows, now),
        "facets": [] if result.errors else _facets(result, again, count, kept),
    }
    return answer(request, LIST, context)


def _facets(result: Filtered[Endpoint], again: Again, count: Count, kept: Mapping[str, int]) -> list[Facet]:
    columns = [
        FacetColumn("outcome", "outcome", write=lambda word: word or NEVER, words=OUTCOMES),
        FacetColumn("team", "owner_team__slug", write=lambda slug: slug or NOBODY),
        ENVIRONMENT,
        FacetColumn("severity", "worst_severity", lambda n: Severity(n).name.lower(), SEVERITY_CHOICES),
        FacetColumn("port", "port"),
        FacetColumn("protocol", "protocol"),
        FacetColumn("tls", "tls_version"),
        FacetColumn("zone", "zone"),
        *SAID,
    ]
    return make_facets(result, columns, again, count, {"outcome": Kept(kept)} if result.is_plain and kept else {})


def _seen(user: User) -> QuerySet[Endpoint]:
    return Endpoint.objects.visible_to(user).select_related("certificate__issuer", "owner_team", "owner_person")


def _context(endpoint: Endpoint, user: User, now: datetime) -> dict[str, Any]:
    served = list(
        ServedChain.objects.filter(endpoint=endpoint)
        .select_related("certificate__issuer", "chain")
        .order_by("variant", "pk")
    )
    seen = Certificate.objects.visible_to(user).filter(pk__in=[each.certificate_id for each in served])
    siblings = Endpoint.objects.visible_to(user).alive().filter(service=endpoint.service).exclude(pk=endpoint.pk)
    beside = siblings.select_related("certificate").order_by("address", "port")[:SIBLINGS]
    return {
        "endpoint": endpoint,
        "links": PAGE.links(endpoint.pk),
        "row": endpoint_row(endpoint, now),
        "served": [(each, certificate_row(each.certificate, now, with_risks=False)) for each in served],
        "open_certificates": set(seen.values_list("pk", flat=True)),
        "siblings": endpoint_rows(beside, now),
        "left_behind": left_behind(beside),
        "sightings": list(endpoint.sightings.visible_to(user).order_by("-last_at")[:10]),
        "panels": panels(settings.ENDPOINT_PANELS, endpoint.pk),
        "may_change": user.may_change,
        "form": ReasonForm(label_suffix=""),
    }


PAGE = Page("endpoint", "inventory/endpoint_detail.html", _seen, _context)


@require_safe
def endpoint_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = person(request), timezone.now()
    context = _context(PAGE.find(user, pk), user, now)
    return render(request, PAGE.template, {**context, "panel": chosen(context["panels"], request.GET.get("tab", ""))})


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_owner(request: HttpRequest, pk: int) -> HttpResponse:
    return change_owner(request, PAGE, pk)


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_details(request: HttpRequest, pk: int) -> HttpResponse:
    return change_details(request, PAGE, pk)


@require_POST
def endpoint_retire(request: HttpRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, retire=True)


@require_POST
def endpoint_restore(request: HttpRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, retire=False)


def _decide(request: HttpRequest, pk: int, *, retire: bool) -> HttpResponse:
    user, now = require_change(person(request)), timezone.now()
    endpoint: Endpoint = PAGE.find(user, pk)
    form = ReasonForm(request.POST, label_suffix="")
    if not form.is_valid():
        return render(request, PAGE.template, {**_context(endpoint, user, now), "form": form}, status=422)
    if retire:
        retire_endpoint(endpoint, form.cleaned_data["reason"], actor=user, now=now)
        messages.success(request, _("The endpoint was retired. It is counted nowhere until it is taken back."))
    else:
        unretire_endpoint(endpoint, form.cleaned_data["reason"], actor=user, now=now)
        messages.success(request, _("The endpoint is counted again."))
    return redirect("inventory:endpoint_detail", pk)
