"""The list of certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import SavedView
from accounts.services.saved_views import opening_address
from inventory import filters
from inventory.filters import Count, Filtered, count_up_to
from inventory.filters.base import CONTROLS
from inventory.filters.business import NOBODY
from inventory.filters.certificate import STATUSES, YES_NO
from inventory.filters.facets import (
    ENVIRONMENT,
    MOST_OPTIONS,
    MOST_VALUES,
    SAID,
    Facet,
    FacetColumn,
    make_facets,
    related_facet,
)
from inventory.filters.facets import Kept as KeptFacet
from inventory.filters.standing import SEVERITY_CHOICES
from inventory.models import Certificate, Risk, Severity, Tag
from inventory.models.status_q import status_case
from inventory.models.totals import ISSUER
from inventory.services import most, numbers
from inventory.services.totals import CERTIFICATES, IN_USE, KEY, UNOWNED
from inventory.snapshot.rows import certificate_rows, with_listed
from inventory.views.columns import CERTIFICATE_COLUMNS, columns_context
from inventory.views.listing import answer, bulk_context, count_of, list_context, person

TEMPLATE = "inventory/certificate_list.html"
Kept = Mapping[str, Mapping[str, int]]
Again = Callable[[str], Filtered[Certificate]]
# These are counted for each list that is shown.
MOST_IN_A_TAB = 1_000
KEPT_FACETS = (("issuer", ISSUER), ("key", KEY))


@require_safe
def certificate_list(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    if not request.GET and (address := opening_address(user, SavedView.Page.CERTIFICATES)):
        return redirect(f"{request.path}?{address}")
    result = filters.certificates(request.GET, user, now)
    # A page walks through an index and ends early; what counts has to see every row.
    page, result = result.page(with_listed(result.queryset)), result.settled()
    kept = numbers(user, CERTIFICATES, IN_USE, UNOWNED)
    count = count_of(result, kept[CERTIFICATES].get(Certificate.Kind.LEAF))

    def again(query: str) -> Filtered[Certificate]:
        return filters.certificates(query, user, now)

    context = {
        **list_context(result, page, count, again),
        **columns_context(result.asked, CERTIFICATE_COLUMNS),
        "views_page": SavedView.Page.CERTIFICATES.value,
        **bulk_context(user, "inventory:certificate_change"),
        # By name: this app does not know who writes mails.
        "bulk_mail": "alerts:owner_mail",
        "rows": certificate_rows(page.rows, now),
        "tabs": _tabs(result, again, count, kept),
        "facets": [] if result.errors else _facets(result, again, count, kept, now),
    }
    return answer(request, TEMPLATE, context)


def _tabs(result: Filtered[Certificate], again: Again, count: Count, kept: Kept) -> list[dict[str, Any]]:
    """The lists that are asked for most; a tab is open where exactly its conditions are in force.

    Counts are kept where no clock moves them. What is expired or expiring is counted, up to a limit, so that the tab
    says what its list says at this moment.
    """
    views: list[tuple[str, dict[str, str], int | str | None]] = [
        (_("All"), {}, kept[CERTIFICATES].get(Certificate.Kind.LEAF, 0)),
        (_("In use"), {"in_use": "yes"}, kept[IN_USE].get("", 0)),
        (_("Expired, in use"), {"in_use": "yes", "status": "expired"}, None),
        (_("Expiring, in use"), {"in_use": "yes", "status": "expiring"}, None),
        (_("No owner"), {"team": NOBODY}, kept[UNOWNED].get("all", 0)),
    ]
    asked = {name: values for name, values in result.asked.lists() if name not in CONTROLS}
    tabs = []
    for label, params, number in views:
        query, active = urlencode(params), asked == {name: [value] for name, value in params.items()}
        if number is None:
            here = active and not result.errors
            number = (count if here else count_up_to(again(query).queryset, MOST_IN_A_TAB)).shown
        tabs.append({"label": label, "url": f"?{query or 'view=all'}", "count": number, "active": active})
    return tabs


def _facets(result: Filtered[Certificate], again: Again, count: Count, kept: Kept, now: datetime) -> list[Facet]:
    columns = [
        FacetColumn("status", status_case(now), words=STATUSES),
        FacetColumn("team", "owner_team__slug", write=lambda slug: slug or NOBODY),
        ENVIRONMENT,
        FacetColumn("severity", "worst_severity", lambda n: Severity(n).name.lower(), SEVERITY_CHOICES),
        FacetColumn("in_use", Case(When(nodes_serving=0, then=Value("no")), default=Value("yes")), words=YES_NO),
        FacetColumn("issuer", "issuer_id", write=lambda pk: str(pk or "")),
        FacetColumn("key", "key_label"),
        *SAID,
    ]
    facets = make_facets(result, columns, again, count, _kept_facets(result, kept))
    risks = ("code", "certificate")
    facets.insert(
        4, related_facet(result, "risk", again, Risk.objects.all(), risks, filters.risk_codes(), filters.risk_words)
    )
    tags = Certificate.tags.through.objects.all()
    names = Tag.objects.order_by("name").values_list("name", flat=True)[:MOST_VALUES]
    facets.append(related_facet(result, "tag", again, tags, ("tag__name", "certificate"), names))
    return facets


def _kept_facets(result: Filtered[Certificate], kept: Kept) -> dict[str, KeptFacet]:
    """Issuers and keys grow with the estate: of the whole list their totals are kept, and only the first are read."""
    if not result.is_plain or not kept[CERTIFICATES]:
        return {}
    found = {param: most(result.filterset.user, dimension, MOST_OPTIONS + 1) for param, dimension in KEPT_FACETS}
    return {param: KeptFacet(each.counts, each.others) for param, each in found.items()}
