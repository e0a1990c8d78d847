"""Domains: what was registered, what stands under it, and what covers each name."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.models import SavedView, Team, User
from accounts.services.saved_views import opening_address
from inventory import filters
from inventory.filters import Filtered, count_up_to, visible_domains
from inventory.filters.base import MOST_COUNTED
from inventory.filters.domain import under_domains
from inventory.models import Domain
from inventory.snapshot.domains import MOST_READ, domain_rows, issuers_of, listed, not_sorted, owners_of
from inventory.snapshot.rows import certificate_rows, with_listed
from inventory.snapshot.under_domain import names_under
from inventory.views.listing import answer, list_context, person

LIST = "inventory/domain_list.html"
DETAIL = "inventory/domain_detail.html"
SHOWN = 10
# The tabs of the detail page, and the conditions that they stand for.
COUNTED = ({"in_use": "yes", "status": "expiring"}, {"in_use": "yes", "status": "expired"})


@require_safe
def domain_list(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    if not request.GET and (address := opening_address(user, SavedView.Page.DOMAINS)):
        return redirect(f"{request.path}?{address}")
    result = filters.domains(request.GET, user, now)
    page = result.page()

    def again(query: str) -> Filtered[Domain]:
        return filters.domains(query, user, now)

    context = {
        **list_context(result, page, count_up_to(result.queryset), again),
        "views_page": SavedView.Page.DOMAINS.value,
        "rows": [] if result.errors else domain_rows(page.rows, user, result.filterset.owners(), now),
        "teams": "".join(f"&team={slug}" for slug in result.asked.getlist("team")),
        "teams_to_choose": _teams(user),
        "team": result.asked.get("team", ""),
        "most_read": MOST_READ,
        "not_sorted": not_sorted(user, MOST_COUNTED),
        "most_counted": MOST_COUNTED,
    }
    return answer(request, LIST, context)


def _teams(user: User) -> list[Team]:
    teams = Team.objects.order_by("name")
    if not user.sees_everything:
        teams = teams.filter(memberships__user=user)
    return list(teams[:200])


@require_safe
def domain_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user, now = person(request), timezone.now()
    domain = get_object_or_404(visible_domains(user), pk=pk)
    (row,) = domain_rows([domain], user, filters.domains("", user, now).filterset.owners(), now)
    under = listed(user).filter(under_domains([domain.pk]))
    next_ends = under.filter(not_after__gte=now).order_by("not_after", "pk")
    expiring, expired = (_count(domain, asked, user, now) for asked in COUNTED)
    context = {
        "row": row,
        "names": names_under(domain, under, user, now),
        "next": certificate_rows(with_listed(next_ends)[:SHOWN], now),
        "next_query": urlencode({"domain": domain.name, "sort": "expires"}),
        "expiring": expiring,
        "expired": expired,
        "owners": owners_of(row),
        "issuers": issuers_of(row, user),
        "certificates_query": urlencode({"domain": domain.name}),
        "not_sorted": not_sorted(user, MOST_COUNTED),
    }
    return render(request, DETAIL, context)


def _count(domain: Domain, asked: dict[str, str], user: User, now: datetime) -> tuple[str, str]:
    """How many, in words, and the query of exactly these."""
    query = {"domain": domain.name, **asked}
    return filters.in_words(filters.certificates(query, user, now).count()), urlencode(query)
