"""Issuers: who signed what we see, and how much of it ends soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Count, F, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.models import SavedView, User
from accounts.services.saved_views import opening_address
from inventory import filters
from inventory.filters import Filtered, visible_issuers
from inventory.filters.base import MOST_COUNTED
from inventory.models import Certificate, Issuer
from inventory.snapshot.issuers import issuer_sums
from inventory.snapshot.rows import certificate_rows, with_listed
from inventory.views.listing import answer, count_of, list_context, person

LIST = "inventory/issuer_list.html"
DETAIL = "inventory/issuer_detail.html"
SHOWN = 10
KEYS_SHOWN = 8
# Replacing an authority takes years of notice: 30 months.
MONTHS_AHEAD = timedelta(days=913)


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
    signed = Certificate.objects.visible_to(user).filter(issuer=issuer)
    # The issuer's own certificates: those whose subject is its name.
    own = Certificate.objects.visible_to(user).filter(subject_sha256=issuer.name_sha256)
    # Those that end last speak for an authority of hundreds of thousands; the page says how many they are. In this
    # order they stand in "cert_by_issuer".
    newest = signed.order_by("-kind", "-not_after", "-pk")[:MOST_COUNTED]
    looked_at = Certificate.objects.filter(pk__in=newest.values("pk")).order_by()
    keys, last_seen = _keys(looked_at)
    through = filters.certificates({"under": pk, "kind": "any"}, user, now)
    below = _authorities(through, now)
    ends_after = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    context = {
        "issuer": issuer,
        "sums": issuer_sums([issuer], user, now)[issuer.pk],
        "last_seen": last_seen,
        "own": certificate_rows(with_listed(own.order_by(F("not_after").desc(nulls_last=True), "pk"))[:SHOWN], now),
        "next": certificate_rows(_next_ends(signed, now), now),
        "next_query": urlencode({"issuer": str(pk), "kind": "any", "expires_after": ends_after, "sort": "expires"}),
        "through": None if through.errors else filters.in_words(through.count()),
        "through_query": urlencode({"under": str(pk), "kind": "any"}),
        "signed_by": _signed_by(issuer, user),
        "has_signed": _has_signed(issuer, user),
        "below": certificate_rows(below, now),
        "below_query": urlencode(
            {"under": str(pk), "kind": "ca", "expires_after": ends_after, "days__lte": str(MONTHS_AHEAD.days)}
        ),
        "shown_at_most": SHOWN,
        "keys": keys[:KEYS_SHOWN],
        "has_more_keys": len(keys) > KEYS_SHOWN,
        "keys_are_of": MOST_COUNTED if sum(number for _label, number in keys) == MOST_COUNTED else 0,
    }
    return render(request, DETAIL, context)


def _keys(certificates: QuerySet[Certificate]) -> tuple[list[tuple[str, int]], datetime | None]:
    """Their kinds of keys, the most frequent first, and when one of them was seen last: read once."""
    counted = certificates.values_list("key_label").annotate(number=Count("pk"), seen=Max("last_seen_at"))
    found = list(counted.order_by("-number", "key_label"))
    seen = max((moment for _label, _number, moment in found if moment), default=None)
    return [(label, number) for label, number, _seen in found], seen


def _next_ends(signed: QuerySet[Certificate], now: datetime) -> list[Certificate]:
    """Leaves and authorities apart: each of them stands in "cert_by_issuer" in this order."""
    ends = with_listed(signed.filter(not_after__gte=now).order_by("not_after", "pk"))
    found = [row for kind in Certificate.Kind for row in ends.filter(kind=kind)[:SHOWN]]
    return sorted(found, key=lambda row: (row.not_after or now, row.pk))[:SHOWN]


def _authorities(through: Filtered[Certificate], now: datetime) -> list[Certificate]:
    """CA certificates under it that end within 30 months, the next first."""
    ends = through.queryset.filter(kind=Certificate.Kind.CA, not_after__gte=now, not_after__lte=now + MONTHS_AHEAD)
    return list(with_listed(ends).order_by("not_after", "pk")[:SHOWN])


def _signed_by(issuer: Issuer, user: User) -> list[Issuer]:
    """Who signed its CA certificates; it has several if it is cross-signed, and none above it if it is a root."""
    own = Certificate.objects.visible_to(user).filter(subject_sha256=issuer.name_sha256, is_ca=True)
    above = own.exclude(issuer=issuer).order_by().values("issuer").distinct()
    return list(visible_issuers(user).filter(pk__in=above).order_by("label", "pk")[:SHOWN])


def _has_signed(issuer: Issuer, user: User) -> list[Issuer]:
    """The authorities whose CA certificates it signed."""
    signed = Certificate.objects.visible_to(user).filter(issuer=issuer, is_ca=True).exclude(subject_sha256="")
    subjects = signed.order_by().values("subject_sha256").distinct()
    below = visible_issuers(user).filter(name_sha256__in=subjects).exclude(pk=issuer.pk)
    return list(below.order_by("label", "pk")[:SHOWN])
