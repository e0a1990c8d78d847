"""Pages about findings, and the panels that other pages show of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import SavedView
from accounts.services import require_change
from accounts.services.saved_views import opening_address
from certdash.lib.htmx import HtmxRequest, page_or_fragment, wants_fragment
from inventory.exports import FORMATS, file_name, note_export, write
from inventory.filters import count_up_to, error_sentences, in_words, query_with
from inventory.filters.paging import Cursor, CursorError, Page, take_page
from inventory.models import Certificate, Endpoint, Severity
from policy.exports import FINDINGS, WORST_FIRST
from policy.filters import ME, FindingFilter, facets, in_state
from policy.forms import AssignForm
from policy.models import Finding, FindingQuerySet, rule_of
from policy.services import AssignedMeanwhileError, acknowledge, assign_finding, send_assignment
from policy.snapshot import Panel, panel_of_certificate, panel_of_endpoint

SHOWN = 50


@require_safe
def finding_list(request: HtmxRequest) -> HttpResponse:
    """Open findings, worst and oldest first."""
    if not request.GET and (address := opening_address(request.user, SavedView.Page.FINDINGS)):
        return redirect(f"{request.path}?{address}")
    context = {**_list_context(request), "is_fragment": wants_fragment(request)}
    return render(request, "policy/finding_list.html", context)


@require_safe
def finding_export(request: HtmxRequest, form: str) -> HttpResponseBase:
    """The findings of the list as a file, all of them, as they were at one moment."""
    now = timezone.now()
    result = FINDINGS.select(request.GET, request, now)
    if result.errors:
        text = "\n".join(error_sentences(result.errors))
        return HttpResponse(text, content_type="text/plain; charset=utf-8", status=422)
    note_export(request.user, FINDINGS, form, result, now)
    response = StreamingHttpResponse(write(FINDINGS, form, result, now), content_type=FORMATS[form])
    response["Content-Disposition"] = f'attachment; filename="{file_name(FINDINGS, form, now)}"'
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def finding_detail(request: HtmxRequest, pk: int) -> HttpResponse:
    finding = get_object_or_404(Finding.objects.visible_to(request.user).with_subject(), pk=pk)
    template = page_or_fragment(request, "policy/finding_detail.html", "finding")
    return render(request, template, _detail(request, finding))


@require_POST
def finding_acknowledge(request: HtmxRequest, pk: int) -> HttpResponse:
    require_change(request.user)
    finding = get_object_or_404(Finding.objects.visible_to(request.user).with_subject(), pk=pk)
    acknowledge(finding, request.user, timezone.now())
    if not request.htmx:
        return redirect("policy:finding_detail", pk=pk)
    finding.refresh_from_db()
    return render(request, "policy/finding_detail.html#finding", _detail(request, finding))


@require_POST
def finding_assign(request: HtmxRequest, pk: int) -> HttpResponse:
    user, now = require_change(request.user), timezone.now()
    finding = get_object_or_404(Finding.objects.visible_to(user).with_subject(), pk=pk)
    form = AssignForm(finding, user, now, request.POST)
    if not form.is_valid():
        return _shown(request, finding, form, 422)
    chosen = form.cleaned_data
    try:
        changed = assign_finding(finding, chosen["person"], chosen["note"], actor=user, now=now, was=chosen["was"])
    except AssignedMeanwhileError as error:
        form.collide(error.person)
        return _shown(request, finding, form, 422)
    finding.refresh_from_db()
    is_told = not changed or finding.assigned_to in {None, user} or send_assignment(finding, user)
    if request.htmx:
        return render(
            request, "policy/finding_detail.html#finding", {**_detail(request, finding), "untold": not is_told}
        )
    if not is_told:
        messages.warning(request, _("No mail could be sent, so tell them yourself."))
    return redirect("policy:finding_detail", pk=pk)


def _shown(request: HtmxRequest, finding: Finding, form: AssignForm, status: int) -> HttpResponse:
    template = page_or_fragment(request, "policy/finding_detail.html", "finding")
    return render(request, template, _detail(request, finding, form), status=status)


@require_safe
def certificate_findings(request: HtmxRequest, pk: int) -> HttpResponse:
    """Findings of a certificate and of the endpoints that serve it, open ones first."""
    certificate = get_object_or_404(Certificate.objects.visible_to(request.user), pk=pk)
    return _panel(request, panel_of_certificate(certificate, request.user, timezone.now()))


@require_safe
def endpoint_findings(request: HtmxRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(Endpoint.objects.visible_to(request.user), pk=pk)
    return _panel(request, panel_of_endpoint(endpoint, request.user, timezone.now()))


def _panel(request: HtmxRequest, panel: Panel) -> HttpResponse:
    context = {"panel": panel, "rows": [_row(finding) for finding in panel.findings]}
    return render(request, page_or_fragment(request, "policy/panel.html", "panel"), context)


def _list_context(request: HtmxRequest) -> dict[str, Any]:
    data = request.GET.copy()
    data.setdefault("state", "open")
    visible = Finding.objects.visible_to(request.user)
    chosen = FindingFilter(data, queryset=visible, request=request)
    found: FindingQuerySet = chosen.qs if chosen.form.is_valid() else visible.none()
    page, problem = _page(found, request.GET.get("after", ""))
    state = data.get("state", "")
    of_state = in_state(chosen, visible)
    count_of_state = count_up_to(of_state)
    count = count_up_to(found) if _is_narrowed(chosen) else count_of_state
    return {
        "views_page": SavedView.Page.FINDINGS.value,
        "address": query_with(request.GET, after=None),
        "filter": chosen,
        "facets": facets(chosen, of_state, count_of_state),
        "tabs": _tabs(state),
        "rows": [_row(finding) for finding in page.rows],
        "problem": problem,
        "page": {
            "previous_url": _query(request, page.previous),
            "next_url": _query(request, page.next),
        },
        "count": count,
        "count_words": in_words(count),
        "query": query_with(request.GET, after=None, view=None),
        "state": state,
        "urgent_count": count_up_to(found.filter(severity__gte=Severity.HIGH)),
    }


def _is_narrowed(chosen: FindingFilter) -> bool:
    """By more than its state; what was not understood finds nothing."""
    return not chosen.form.is_valid() or any(chosen.data.getlist(name) for name in chosen.filters if name != "state")


def _page(found: FindingQuerySet, after: str) -> tuple[Page[Finding], str]:
    """One page, and what to say if the link to it is damaged (then it is the first one)."""
    try:
        cursor, problem = (Cursor.read(after, WORST_FIRST) if after else None), ""
    except CursorError as error:
        cursor, problem = None, str(error)
    # Sorted by their keys alone: what a line shows is read for the lines of the page, not for all that is sorted.
    page = take_page(found.only(WORST_FIRST.field), WORST_FIRST, cursor, SHOWN)
    rows = Finding.objects.with_subject().in_bulk([finding.pk for finding in page.rows])
    return replace(page, rows=[rows[finding.pk] for finding in page.rows if finding.pk in rows]), problem


def _query(request: HtmxRequest, cursor: str) -> str:
    return f"?{query_with(request.GET, after=cursor)}" if cursor else ""


def _tabs(state: str) -> list[dict[str, Any]]:
    words = {"open": _("Open"), "closed": _("Closed"), "any": _("All")}
    tabs = [{"label": word, "url": f"?state={code}", "active": code == state} for code, word in words.items()]
    return [*tabs, {"label": _("Assigned to me"), "url": f"?assigned={ME}", "active": False}]


def _detail(request: HtmxRequest, finding: Finding, form: AssignForm | None = None) -> dict[str, Any]:
    evidence = [(label, value, _moment(value)) for label, value in finding.evidence.items()]
    may_assign = request.user.may_change and finding.closed_at is None
    if form is None and may_assign:
        form = AssignForm(finding, request.user, timezone.now())
    return {**_row(finding), "evidence": evidence, "assign_form": form if may_assign else None}


def _moment(text: str) -> datetime | None:
    """The moment that evidence names in full, to be shown as one; None for every other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _row(finding: Finding) -> dict[str, Any]:
    return {"finding": finding, "rule": rule_of(finding.rule)}
