"""Issuers: who signed what we see, and how much of it ends soon."""

from __future__ import annotations

from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.models import SavedView
from accounts.services.saved_views import opening_address
from inventory import filters
from inventory.filters import Filtered, visible_issuers
from inventory.models import Issuer
from inventory.snapshot.authority import (
    MONTHS_AHEAD,
    SHOWN,
    authorities_above,
    authorities_below,
    authorities_ending,
    keys_signed,
    next_ends,
    own_certificates,
)
from inventory.snapshot.issuers import issuer_sums
from inventory.snapshot.rows import certificate_rows
from inventory.views.listing import answer, count_of, list_context, person

LIST = "inventory/issuer_list.html"
DETAIL = "inventory/issuer_detail.html"
KEYS_SHOWN = 8


@require_safe
def issuer_list(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    if not request.GET and (address := opening_address(user, SavedView.Page.ISSUERS)):
        return redirect(f"{request.path}?{address}")
    result = filters.issuers(request.GET, user, now)
    page = result.page()

    def again(query: str) -> Filtered[Issuer]:
        return filters.issuers(query, user, now)

    sums = issuer_sums(page.rows, user, now)
    context = {
        **list_context(result, page, count_of(result, None), again),
        "views_page": SavedView.Page.ISSUERS.value,
        "rows": [(issuer, sums[issuer.pk]) for issuer in page.rows],
    }
    return answer(request, LIST, context)


@require_safe
def issuer_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = person(request), timezone.now()
    issuer = get_object_or_404(visible_issuers(user), pk=pk)
    keys = keys_signed(issuer, user)
    through = filters.certificates({"under": pk, "kind": "any"}, user, now)
    ends_after = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    context = {
        "issuer": issuer,
        "sums": issuer_sums([issuer], user, now)[issuer.pk],
        "last_seen": keys.last_seen,
        "own": certificate_rows(own_certificates(issuer, user), now),
        "next": certificate_rows(next_ends(issuer, user, now), now),
        "next_query": urlencode({"issuer": str(pk), "kind": "any", "expires_after": ends_after, "sort": "expires"}),
        "through": None if through.errors else filters.in_words(through.count()),
        "through_query": urlencode({"under": str(pk), "kind": "any"}),
        "signed_by": authorities_above(issuer, user),
        "has_signed": authorities_below(issuer, user),
        "below": certificate_rows(authorities_ending(through, now), now),
        "below_query": urlencode(
            {"under": str(pk), "kind": "ca", "expires_after": ends_after, "days__lte": str(MONTHS_AHEAD.days)}
        ),
        "shown_at_most": SHOWN,
        "keys": keys.kinds[:KEYS_SHOWN],
        "has_more_keys": len(keys.kinds) > KEYS_SHOWN,
        "keys_are_of": keys.looked_at,
    }
    return render(request, DETAIL, context)
