"""The queue of what nobody answers for: its pages, one-click assignments, and taking one back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_args

from django.conf import settings
from django.contrib import messages
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Team, User
from accounts.services import require_change
from certdash.lib.htmx import HtmxRequest, wants_fragment
from inventory.filters.paging import CursorError
from inventory.forms.questions import QueueForm
from inventory.models import Certificate, Endpoint
from inventory.services import (
    ChangedMeanwhileError,
    assign_endpoint_owner,
    assign_owner,
    numbers,
    owner_of,
    version_of,
)
from inventory.services.owned import owner_values
from inventory.services.ownership import restore_owner
from inventory.services.totals import CERTIFICATES, ENDPOINTS, OWNED
from inventory.snapshot.unowned import Queue, Show, What, counts_of, queue_of, teams_without_members
from inventory.views.listing import person

TEMPLATE = "inventory/ownership.html"
UNDO_WITHIN = timedelta(days=1)
PARAMETERS = ("show", "what", "after", "before")
_signer = TimestampSigner(salt="inventory.views.ownership")


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    show, what = _asked(request.GET)
    problem = ""
    try:
        found = _found(user, show, what, request.GET, now)
    except CursorError:
        found, problem = queue_of(user, show, what, "", now), _("The link to this page of the queue is damaged.")
    undone = _read(request.GET.get("undo", ""))
    context = {
        **_page(user, show, what, found, now),
        "problem": problem,
        "undo": request.GET.get("undo", "") if undone else "",
        "back": _query(request.GET),
    }
    return render(request, TEMPLATE, context)


def _found(user: User, show: Show, what: What, given: QueryDict, now: datetime) -> Queue:
    return queue_of(user, show, what, given.get("after", ""), now, given.get("before", ""))


def _asked(given: QueryDict) -> tuple[Show, What]:
    """What this page has; anything else is its first tab."""
    shows: tuple[Show, ...] = get_args(Show)
    whats: tuple[What, ...] = get_args(What)
    show = next((one for one in shows if one == given.get("show")), shows[0])
    return show, next((one for one in whats if one == given.get("what")), whats[0])


def _page(user: User, show: Show, what: What, found: Queue, now: datetime) -> dict[str, Any]:
    owned = numbers(user, OWNED)[OWNED]
    words: dict[Show, Any] = {"none": _("Without owner"), "inferred": _("Only inferred"), "left": _("Owner left")}
    counts: dict[Show, Any] = {}
    if what == "certificates":
        counts = {"none": owned.get("none", 0), "inferred": owned.get("inferred", 0)}
    counts |= counts_of(user, what, now)
    kinds: dict[What, Any] = {"certificates": _("Certificates"), "endpoints": _("Endpoints")}
    return {
        "show": show,
        "what": what,
        "lines": [(line, version_of(owner_of(line.item))) for line in found.lines],
        "next_url": f"?show={show}&what={what}&after={found.after}" if found.after else "",
        "previous_url": f"?show={show}&what={what}&before={found.before}" if found.before else "",
        "tabs": [
            {
                "label": word,
                "url": f"?show={key}&what={what}",
                "active": key == show,
                "count": counts.get(key),
            }
            for key, word in words.items()
        ],
        "kinds": [(word, f"?show={show}&what={key}", key == what) for key, word in kinds.items()],
        "owned": owned,
        "all": sum(owned.values()),
        "empty_teams": teams_without_members(user, CERTIFICATES, ENDPOINTS) if show == "left" else [],
        "places": _places(user),
        "may_change": user.may_change,
    }


def _places(user: User) -> Any:
    """How many networks and sources have no team to fall back to."""
    without_owner: Callable[[User], tuple[int, int]] = import_string(settings.PLACES_WITHOUT_OWNER)
    networks, sources = without_owner(user)
    return {"networks": networks, "sources": sources}


@require_POST
def assign_certificate(request: HtmxRequest, pk: int) -> HttpResponse:
    return _assign(request, "certificates", pk)


@require_POST
def assign_endpoint(request: HtmxRequest, pk: int) -> HttpResponse:
    return _assign(request, "endpoints", pk)


def _assign(request: HtmxRequest, what: What, pk: int) -> HttpResponse:
    user, now = require_change(person(request)), timezone.now()
    item = _find(user, what, pk)
    form = QueueForm(request.POST)
    if not form.is_valid():
        return _refused(request, item, " ".join(str(error) for each in form.errors.values() for error in each))
    chosen, before = form.cleaned_data, owner_values(item)
    assign = assign_owner if what == "certificates" else assign_endpoint_owner
    owner = (chosen["team"], None, chosen["reason"])
    try:
        assign([pk], *owner, actor=user, now=now, version=chosen["version"])
    except ChangedMeanwhileError as error:
        whose = error.details["team"] or _("nobody")
        return _refused(request, item, _("Somebody was faster: it belongs to %(team)s now.") % {"team": whose})
    return _done(request, item, chosen["team"], _token(user, what, item, before))


def _find(user: User, what: What, pk: int) -> Certificate | Endpoint:
    model: type[Certificate] | type[Endpoint] = Certificate if what == "certificates" else Endpoint
    seen: Any = model.objects.visible_to(user).select_related("owner_team", "owner_person")
    found: Certificate | Endpoint = get_object_or_404(seen, pk=pk)
    return found


def _token(user: User, what: What, item: Certificate | Endpoint, before: list[Any]) -> str:
    """What takes it back, as long as the person still sees it; they do not see what they gave away."""
    model: Any = type(item)
    fresh = model.objects.visible_to(user).filter(pk=item.pk).first()
    return str(_signer.sign_object([what, item.pk, before, version_of(owner_of(fresh))])) if fresh else ""


def _read(token: str) -> tuple[What, int, list[Any], str] | None:
    try:
        what, pk, before, version = _signer.unsign_object(token, max_age=UNDO_WITHIN)
    except (BadSignature, ValueError, TypeError):
        return None
    return what, pk, before, version


def _done(request: HtmxRequest, item: Certificate | Endpoint, team: Team | None, token: str) -> HttpResponse:
    said = _said(item, team)
    if wants_fragment(request):
        return render(request, f"{TEMPLATE}#done", {"said": said, "undo": token, "back": _posted(request)})
    messages.success(request, said)
    query = QueryDict(_posted(request), mutable=True)
    if token:
        query["undo"] = token
    return redirect(f"{reverse('inventory:ownership')}?{query.urlencode()}")


def _said(item: Certificate | Endpoint, team: Team | None) -> str:
    if team is None:
        return _("%(thing)s is left to nobody.") % {"thing": item}
    return _("%(thing)s was assigned to %(team)s.") % {"thing": item, "team": team}


def _refused(request: HtmxRequest, item: Certificate | Endpoint, why: str) -> HttpResponse:
    if wants_fragment(request):
        context = {"said": f"{item}: {why}", "problem": True}
        return render(request, f"{TEMPLATE}#done", context, status=422)
    messages.error(request, f"{item}: {why}")
    return render(request, TEMPLATE, _here(request, timezone.now()), status=422)


def _here(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The page from which something was sent."""
    user, given = person(request), QueryDict(_posted(request))
    show, what = _asked(given)
    try:
        found = _found(user, show, what, given, now)
    except CursorError:
        found = queue_of(user, show, what, "", now)
    return {**_page(user, show, what, found, now), "back": _query(given)}


def _posted(request: HttpRequest) -> str:
    return _query(QueryDict(request.POST.get("back", "")))


def _query(given: QueryDict) -> str:
    """Only the parameters of this page: what came with the request leads nowhere else."""
    kept = QueryDict(mutable=True)
    for name in PARAMETERS:
        if value := given.get(name):
            kept[name] = value
    return kept.urlencode()


@require_POST
def undo(request: HtmxRequest) -> HttpResponse:
    user, now = require_change(person(request)), timezone.now()
    asked = _read(request.POST.get("undo", ""))
    if asked is None:
        said = _("This can no longer be taken back here. Change the owner on its page.")
        if wants_fragment(request):
            return render(request, f"{TEMPLATE}#done", {"said": said, "problem": True}, status=422)
        messages.error(request, said)
        return render(request, TEMPLATE, _here(request, now), status=422)
    what, pk, before, version = asked
    item = _find(user, what, pk)
    try:
        restore_owner(item, before, actor=user, now=now, version=version)
        said, tell = _("It was taken back: %(thing)s stands as before."), messages.success
    except ChangedMeanwhileError:
        said, tell = _("Somebody changed the owner of %(thing)s meanwhile, so nothing was taken back."), messages.error
    if wants_fragment(request):
        return render(request, f"{TEMPLATE}#done", {"said": said % {"thing": item}})
    tell(request, said % {"thing": item})
    return redirect(f"{reverse('inventory:ownership')}?{_posted(request)}")
