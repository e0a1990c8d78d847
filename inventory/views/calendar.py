"""The calendar of expiry, and the secret addresses by which other programs read it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import CalendarFeed, Organisation, SavedView, User
from accounts.services import TooManyFeedsError, absolute, create_feed, find_feed, note_reading, withdraw_feed
from certdash.lib.inert import visible
from certdash.lib.zones import zone_of
from inventory import filters
from inventory.filters import Filtered, error_sentences
from inventory.filters.base import read_query
from inventory.models import Certificate
from inventory.snapshot.calendar import NOT_TAKEN, Period, expiries, month_of, read_period, weekdays
from inventory.snapshot.feed import feed
from inventory.views.listing import person

PAGE = "inventory/calendar.html"
FEEDS = "inventory/feeds.html"
# What the address of the calendar says beside the filter.
OWN = ("month", "quarter", "view", "scope")
READ_AT_MOST = 30
MINUTE = 60
# The cookie that carries a new address to the one page that shows it.
NEW = "new_feed"


@require_safe
def expiry_calendar(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    zone = _zone()
    today = now.astimezone(zone).date()
    period = read_period(request.GET, today)
    view = _view(user, request.GET.get("view", ""))
    asked = _asked(request.GET, view)
    result = filters.certificates(asked, user, now)
    problems = error_sentences(result.errors) + ([] if period else [_("There is no such month or quarter.")])
    kept = _kept(request.GET)
    context: dict[str, Any] = {
        "errors": problems,
        "period": period,
        "found": expiries(result, period, zone, now) if period and not problems else None,
        "weekdays": weekdays(),
        "zone": _zone_name(),
        "view": view,
        "views": _views(user),
        "chips": [(chip, _with(kept, _conditions(chip.without))) for chip in result.chips if chip.param != "kind"],
        "is_in_use": asked.get("in_use") == "yes",
        "all_query": _without(request.GET, "in_use", scope="all"),
        "in_use_query": _without(request.GET, "in_use", "scope"),
        "list_query": result.query,
        **_around(request.GET, period or month_of(today), month_of(today)),
    }
    return render(request, PAGE, context, status=422 if problems else 200)


def _zone_name() -> str:
    return Organisation.objects.values_list("timezone", flat=True).first() or "UTC"


def _zone() -> tzinfo:
    """The organisation's, not the reader's: an expiry stands on the same day for everybody."""
    return zone_of(_zone_name())


def _view(user: User, pk: str) -> SavedView | None:
    if not pk:
        return None
    if not pk.isascii() or not pk.isdigit() or len(pk) > 18:
        raise Http404
    return get_object_or_404(_views(user), pk=pk)


def _views(user: User) -> QuerySet[SavedView]:
    return SavedView.objects.visible_to(user).filter(page=SavedView.Page.CERTIFICATES)


def _asked(given: QueryDict, view: SavedView | None) -> QueryDict:
    """The filter of the list, and only what is in use unless somebody chose: nobody waits for what was replaced."""
    asked = read_query(view.query if view else "")
    for name, values in read_query(given).lists():
        if name not in OWN:
            asked.setlist(name, values)
    for name in NOT_TAKEN:
        asked.pop(name, None)
    if view is None and "in_use" not in asked and given.get("scope") != "all":
        asked["in_use"] = "yes"
    return asked


def _kept(given: QueryDict) -> QueryDict:
    """What stays when a condition goes."""
    kept = QueryDict(mutable=True)
    for name in OWN:
        if name in given and name != "view":
            kept[name] = given.get(name, "")
    return kept


def _conditions(query: str) -> QueryDict:
    asked = read_query(query)
    if "in_use" not in asked:
        asked["scope"] = "all"
    return asked


def _with(kept: QueryDict, conditions: QueryDict) -> str:
    found = kept.copy()
    for name, values in conditions.lists():
        found.setlist(name, values)
    return found.urlencode()


def _without(given: QueryDict, *names: str, **changes: str) -> str:
    asked = given.copy()
    for name in names:
        asked.pop(name, None)
    for name, value in changes.items():
        asked[name] = value
    return asked.urlencode()


def _around(given: QueryDict, period: Period, this_month: Period) -> dict[str, str]:
    """Addresses of the neighbours and of the other length, with the same filter."""
    rest = _without(given, "month", "quarter")

    def address(to: Period | None) -> str:
        return f"{to.word}&{rest}".rstrip("&") if to else ""

    return {
        "next_query": address(period.next),
        "previous_query": address(period.previous),
        "turned_query": address(period.turned),
        "today_query": address(this_month),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def feed_list(request: HttpRequest) -> HttpResponse:
    """One's own calendar addresses. A new one is shown once: only the browser that asked for it holds it till then."""
    user, now = person(request), timezone.now()
    problem = ""
    if request.method == "POST":
        try:
            token = create_feed(user, _view(user, request.POST.get("view", "")), now)
        except TooManyFeedsError:
            problem = _("You have as many calendar addresses as one may have: withdraw one.")
        else:
            return _with_new(redirect("inventory:feed_list"), token)
    new = request.get_signed_cookie(NEW, "", max_age=MINUTE)
    context = {
        "problem": problem,
        "address": absolute(reverse("inventory:feed", args=[new])) if new else "",
        "views": _views(user),
        "chosen": request.GET.get("view", ""),
        "feeds": _feeds(user, now),
    }
    response = render(request, FEEDS, context, status=422 if problem else 200)
    if new:
        response.delete_cookie(NEW, path=reverse("inventory:feed_list"), samesite="Strict")
    return response


def _feeds(user: User, now: datetime) -> list[tuple[CalendarFeed, str]]:
    """Open addresses, each with the reason why it answers nothing, if there is one."""
    found = list(user.calendar_feeds.filter(withdrawn_at=None).select_related("view", "user"))
    seen = set(_views(user).values_list("pk", flat=True))
    return [(each, _why_nothing(each, seen, now)) for each in found]


def _why_nothing(each: CalendarFeed, seen: set[int], now: datetime) -> str:
    if each.view_id is not None and each.view_id not in seen:
        return _("You do not see this view any more.")
    return " ".join(error_sentences(_of_feed(each, now).errors))


def _with_new(response: HttpResponse, token: str) -> HttpResponse:
    response.set_signed_cookie(
        NEW,
        token,
        max_age=MINUTE,
        path=reverse("inventory:feed_list"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


@require_POST
def feed_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    withdraw_feed(get_object_or_404(CalendarFeed, pk=pk, user=user), actor=user, now=timezone.now())
    return redirect("inventory:feed_list")


@login_not_required
@require_safe
def read_feed(request: HttpRequest, token: str) -> HttpResponse:
    """Without signing in: whoever has the address reads as its person, with the rights of this moment."""
    now = timezone.now()
    found = find_feed(token, now)
    if found is None:
        raise Http404
    if _is_too_often(found, now):
        return HttpResponse(status=429, headers={"Retry-After": str(MINUTE)})
    note_reading(found, now)
    result = _of_feed(found, now)
    if result.errors:
        return _not_understood(found, error_sentences(result.errors))
    name = found.view.name if found.view else _("Certificates that expire")
    content = feed(result, name, absolute(reverse("inventory:certificate_list")), _zone(), now)
    return _as_calendar(request, content)


def _not_understood(found: CalendarFeed, why: Sequence[str]) -> HttpResponse:
    """Not an empty calendar, which would say that nothing expires."""
    name = visible(found.view.name) if found.view else ""
    said = _("This calendar shows nothing: the filter of the saved view “%(name)s” is not understood any more.")
    lines = [said % {"name": name}, *map(visible, why), _("Open the view in certdash, and give it another question.")]
    return HttpResponse("\n".join(lines) + "\n", "text/plain; charset=utf-8", status=422)


def _of_feed(found: CalendarFeed, now: datetime) -> Filtered[Certificate]:
    return filters.certificates(_asked(QueryDict(), found.view), found.user, now)


def _as_calendar(request: HttpRequest, content: bytes) -> HttpResponse:
    etag = quote_etag(hashlib.sha256(content).hexdigest())
    asked = parse_etags(request.headers.get("If-None-Match", ""))
    response = HttpResponse(status=304) if etag in asked else HttpResponse(content, "text/calendar; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _is_too_often(found: CalendarFeed, now: datetime) -> bool:
    key = f"calendar:{found.pk}:{int(now.timestamp()) // MINUTE}"
    cache.add(key, 0, 2 * MINUTE)
    return cache.incr(key) > READ_AT_MOST
