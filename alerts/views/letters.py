"""Letters that wait, were sent or failed: for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.services import can_send_mail, require_administrator
from alerts.models import Letter
from alerts.services import try_again
from certdash.lib.htmx import HtmxRequest
from inventory.filters import count_up_to, page_links
from inventory.filters.paging import Sort, page_at

SHOWN = 50
NEWEST_FIRST = Sort("letter", "pk", "number", descending=True)


@require_safe
def letter_list(request: HtmxRequest) -> HttpResponse:
    """Newest first; ``?state=`` one of the three."""
    require_administrator(request.user)
    state = request.GET.get("state", "")
    letters = Letter.objects.filter(state=state) if state in Letter.State else Letter.objects.all()
    page, problem = page_at(letters.defer("body"), NEWEST_FIRST, request.GET.get("after", ""), SHOWN)
    context = {
        "letters": page.rows,
        "problem": problem,
        "tabs": _tabs(state),
        "state": state,
        "can_send": can_send_mail(),
        "page": page_links(request.GET, page),
    }
    return render(request, "alerts/letter_list.html", context)


@require_safe
def letter_detail(request: HtmxRequest, pk: int) -> HttpResponse:
    require_administrator(request.user)
    letter = get_object_or_404(Letter.objects.select_related("person", "team", "mailing"), pk=pk)
    return render(request, "alerts/letter_detail.html", {"letter": letter})


@require_POST
def letter_again(request: HtmxRequest, pk: int) -> HttpResponse:
    actor = require_administrator(request.user)
    letter = get_object_or_404(Letter, pk=pk)
    if try_again(letter, actor, timezone.now()):
        messages.success(request, _("The letter is tried again within a minute."))
    else:
        messages.info(request, _("The letter has not failed, so nothing was changed."))
    return redirect("alerts:letter_list")


def _tabs(state: str) -> list[dict[str, Any]]:
    shown = [("", _("All")), *((word.value, str(word.label).capitalize()) for word in Letter.State)]
    return [
        {
            "label": label,
            "url": f"?{urlencode({'state': word})}" if word else "?",
            "active": word == state,
            "count": count_up_to(Letter.objects.filter(state=word), 1_000).shown if word else None,
        }
        for word, label in shown
    ]
