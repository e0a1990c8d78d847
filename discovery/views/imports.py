"""Places that an imported table names and nobody looked at: what leads from the import to a source of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.services import require_change
from certdash.lib.htmx import HtmxRequest, page_or_fragment
from discovery.forms import TARGET_LINES
from inventory.addresses import with_port
from inventory.models import Import, ImportItem

SHOWN = 6


@require_safe
def import_waiting(request: HtmxRequest, pk: int) -> HttpResponse:
    user = require_change(request.user)
    of = get_object_or_404(Import.objects.visible_to(user), pk=pk)
    places = waiting_places(of)
    context = {
        "of": of,
        "places": places[:SHOWN],
        "count": min(len(places), TARGET_LINES),
        "are_more": len(places) > TARGET_LINES,
        "source_url": f"{reverse('discovery:source_new')}?import={of.pk}",
    }
    return render(request, page_or_fragment(request, "discovery/import_waiting.html", "panel"), context)


def waiting_places(of: Import) -> list[str]:
    """Each once, as the form of a source reads it; one more than it takes, if there are so many."""
    rows = of.items.filter(outcome=ImportItem.Outcome.WAITING).exclude(host="").order_by("host", "port")
    found = rows.values_list("host", "port").distinct()[: TARGET_LINES + 1]
    return [with_port(host, port) if port else host for host, port in found]


def source_of(user: User, asked: str) -> dict[str, Any]:
    """What the form of a new source begins with where an import leads to it."""
    of = (
        Import.objects.visible_to(user).filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 18 else None
    )
    if of is None:
        return {}
    places = waiting_places(of)[:TARGET_LINES]
    return {"name": _("Hosts of %(file)s") % {"file": of.name[:80]}, "kind": "hosts", "targets": "\n".join(places)}
