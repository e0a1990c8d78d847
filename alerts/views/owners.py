"""Mail the owners of what is filtered: a preview, then one letter for each of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.services import can_send_mail, require_change
from alerts.forms import OwnerMailForm, read_ticked
from alerts.models import Letter, Mailing
from alerts.services import MailingRefusedError, request_mailing, sort_by_owner
from certdash.lib.htmx import HtmxRequest, page_or_fragment

SHARES_SHOWN = 100
NAMED = 3


@require_http_methods(["GET", "HEAD", "POST"])
def owner_mail(request: HtmxRequest) -> HttpResponse:
    """Nothing is mailed by looking; what was looked at is named by a digest, and only that is mailed."""
    actor = require_change(request.user)
    now = timezone.now()
    # From the bar below a list: its ticks, or its filter.
    is_begun = request.method == "POST" and "digest" not in request.POST
    given = request.POST if request.method == "POST" and not is_begun else None
    asked = _asked(request, is_begun=is_begun)
    initial = {**asked, "subject": _("Your certificates need you")}
    form = OwnerMailForm(given, initial=initial)
    if form.is_valid():
        words = form.cleaned_data
        try:
            mailing = request_mailing(
                words["filter"], words["subject"], words["message"], digest=words["digest"], actor=actor, now=now,
                chosen=words["chosen"],
            )  # fmt: skip
        except MailingRefusedError as error:
            form.add_error(None, str(error))
        else:
            return redirect("alerts:mailing_detail", pk=mailing.pk)
    context: dict[str, Any] = {
        "form": form,
        "query": asked["filter"],
        "is_chosen": bool(asked["chosen"]),
        "can_send": can_send_mail(),
        **_preview(asked["filter"], asked["chosen"], request, now),
    }
    _agree_to(form, context)
    return render(request, "alerts/owner_mail.html", context, status=422 if form.is_bound else 200)


def _asked(request: HtmxRequest, *, is_begun: bool) -> dict[str, str]:
    """A filter, or the keys of what was ticked with spaces between them."""
    if is_begun:
        is_all = request.POST.get("scope") == "all"
        return {
            "filter": request.POST.get("query", ""),
            "chosen": "" if is_all else " ".join(request.POST.getlist("pk") or ["-"]),
        }
    if request.method == "POST":
        return {name: request.POST.get(name, "") for name in ("filter", "chosen")}
    return {"filter": request.GET.urlencode(), "chosen": ""}


def _preview(query: str, chosen: str, request: HtmxRequest, now: datetime) -> dict[str, Any]:
    if chosen == "-":
        return {"found": None, "problem": _("Nothing was ticked. Tick what is meant, or choose all that match.")}
    try:
        found = sort_by_owner(query, request.user, now, read_ticked(chosen))
    except MailingRefusedError as error:
        return {"found": None, "problem": str(error)}
    except ValidationError as error:
        return {"found": None, "problem": " ".join(error.messages)}
    shares = [
        {
            "address": share.address,
            "owners": share.owners,
            "count": len(share.things),
            "names": [row.name for row in share.things[:NAMED]],
            "left": max(len(share.things) - NAMED, 0),
        }
        for share in found.shares[:SHARES_SHOWN]
    ]
    return {"found": found, "shares": shares, "left": max(len(found.shares) - SHARES_SHOWN, 0)}


def _agree_to(form: OwnerMailForm, context: dict[str, Any]) -> None:
    """Whatever was sent before, the form that is shown belongs to the preview beside it."""
    digest = context["found"].digest if context["found"] else ""
    if form.is_bound:
        form.data = {**{name: form.data[name] for name in form.data}, "digest": digest}
    else:
        form.initial["digest"] = digest


@require_safe
def mailing_detail(request: HtmxRequest, pk: int) -> HttpResponse:
    mailing = get_object_or_404(Mailing.objects.visible_to(request.user).select_related("requested_by"), pk=pk)
    letters = Letter.objects.filter(mailing=mailing).defer("body").order_by("pk")
    context = {"mailing": mailing, "letters": list(letters[: SHARES_SHOWN + 1]), "shown": SHARES_SHOWN}
    return render(request, page_or_fragment(request, "alerts/mailing_detail.html", "mailing"), context)
