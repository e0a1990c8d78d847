"""The audit log: what was done, by whom, and whether the record is whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_q.tasks import async_task

from accounts.exports import audit_rows
from accounts.filters import audit_events
from accounts.models import AuditEvent, Role
from accounts.services import audit as audited
from accounts.services import audit_head, check_chain, check_page, last_check, page_of, require_role
from certdash.lib.htmx import page_or_fragment

READERS = (Role.ADMINISTRATOR, Role.AUDITOR)
PAGE = 50
# Longer chains are checked by a worker: a page must not wait for them.
CHECK_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, newest first, and the query strings of the pages beside it, empty where there is none."""

    events: list[AuditEvent]
    first_url: str = ""
    previous_url: str = ""
    next_url: str = ""


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    require_role(request.user, *READERS)
    events = audit_events(request.GET)
    page = _page(events.qs, request.GET)
    context = {
        "filter": events,
        "page": page,
        "faults": check_page(page.events),
        "head": audit_head(),
        "check": last_check(),
    }
    response = render(request, page_or_fragment(request, "accounts/audit.html", "audit-table"), context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    require_role(request.user, *READERS)
    if audit_head()[0] > CHECK_AT_ONCE:
        async_task("accounts.tasks.verify_chain")
        messages.info(request, _("A worker checks the whole chain now; the result will stand here in some minutes."))
    elif check_chain(timezone.now()).faults:
        messages.error(request, _("The audit chain was changed outside certdash."))
    else:
        messages.success(request, _("The whole chain matches the copy outside the database."))
    return redirect("accounts:audit")


@require_safe
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    user = require_role(request.user, *READERS)
    events = audit_events(request.GET).qs.order_by("-number")
    with transaction.atomic():
        audited(user, "audit.exported", request.GET.urlencode()[:300], now=timezone.now())
    response = StreamingHttpResponse(_lines(events), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


def _lines(events: QuerySet[AuditEvent]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    for row in audit_rows(events.iterator(500)):
        writer.writerow(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _page(events: QuerySet[AuditEvent], query: QueryDict) -> EventPage:
    """Take one page by number, older than ``after`` or newer than ``before``: no counting, no skipping."""
    after, before = _number(query.get("after")), _number(query.get("before"))
    if before is not None:
        found = page_of(events.filter(number__gt=before).order_by("number")[: PAGE + 1])
        rows, older, newer = found[:PAGE][::-1], True, len(found) > PAGE
    else:
        older_ones = events.filter(number__lt=after) if after is not None else events
        found = page_of(older_ones.order_by("-number")[: PAGE + 1])
        rows, older, newer = found[:PAGE], len(found) > PAGE, after is not None
    if not rows:
        return EventPage([], first_url=_beside(query) if newer or before is not None else "")
    return EventPage(
        rows,
        first_url=_beside(query) if newer else "",
        previous_url=_beside(query, before=rows[0].number) if newer else "",
        next_url=_beside(query, after=rows[-1].number) if older else "",
    )


def _beside(query: QueryDict, **cursor: int) -> str:
    """Return the query string of the same filter at another place."""
    other = query.copy()
    for name in ("after", "before"):
        other.pop(name, None)
    other.update({name: str(number) for name, number in cursor.items()})
    return f"?{other.urlencode()}"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
