"""Pages about findings, and the panels that other pages show of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import SavedView
from accounts.services import require_change
from accounts.services.saved_views import opening_address
from certdash.lib.htmx import HtmxRequest, page_or_fragment, wants_fragment
from certdash.lib.inert import visible
from inventory.exports import FORMATS, file_name, note_export, write
from inventory.filters import Count, count_up_to, error_sentences, in_words, page_links, query_with
from inventory.filters.paging import Page, page_at
from inventory.models import Certificate, Endpoint, Severity
from policy.exports import FINDINGS, WORST_FIRST
from policy.filters import ME, FindingFilter, facets, in_state, settled
from policy.forms import FORMS, KINDS, AssignForm, FindingScope
from policy.models import Finding, FindingQuerySet, rule_of
from policy.services import (
    AssignedMeanwhileError,
    OtherFindingsError,
    Wanted,
    acknowledge,
    assign_finding,
    change_findings,
    send_assignment,
    send_assignments,
    sort_findings,
)
from policy.services.many import ASSIGN, AT_ONCE, Sorted
from policy.snapshot import Panel, panel_of_certificate, panel_of_endpoint

SHOWN = 50
# Of what would change.
FIRST = 20


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


@require_POST
def finding_change(request: HtmxRequest) -> HttpResponse:
    """Many at once, step by step; every step asks anew which ones are meant."""
    user, now = require_change(request.user), timezone.now()
    scope = FindingScope(request.POST)
    if not scope.is_valid():
        return _many(request, {"errors": [text for each in scope.errors.values() for text in each]}, 422)
    asked = scope.cleaned_data
    pks, number, errors = _meant(request, asked, now)
    context: dict[str, Any] = {"scope": asked, "asked_for": number, "words": f"{number:,}"}
    context |= {"gone": number - len(pks), "errors": errors}
    step = request.POST.get("step", "")
    form = FORMS[asked["kind"]](user, now, request.POST if step in {"preview", "edit", "go"} else None)
    context |= {"form": form, "kind_words": dict(KINDS)[asked["kind"]]}
    if errors or step == "edit" or (asked["kind"] == ASSIGN and not form.is_valid()):
        return _many(request, context, 422 if errors or form.errors else 200)
    if step == "go":
        try:
            done = change_findings(pks, form.wanted, actor=user, now=now, version=asked["seen"])
        except OtherFindingsError:
            context["moved"] = True
        else:
            return _done(request, done, form.wanted, asked["query"], context["gone"])
    elif asked["scope"] == "all" and asked["expected"]:
        context["moved"] = asked["expected"].strip() != context["words"]
    done = sort_findings(pks, form.wanted, user)
    context |= {"sorted": done, "number": len(done.changing), "rows": [_row(row) for row in done.changing[:FIRST]]}
    return _many(request, context)


def _many(request: HtmxRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, "policy/finding_change.html", context, status=status)


def _meant(request: HtmxRequest, asked: dict[str, Any], now: datetime) -> tuple[Sequence[int], int, list[str]]:
    """The open ones that are meant, how many were asked for, and what keeps them from being changed."""
    if asked["scope"] != "all":
        ticked = Finding.objects.visible_to(request.user).open().filter(pk__in=asked["pk"])
        return list(ticked.values_list("pk", flat=True)), len(asked["pk"]), []
    result = FINDINGS.select(QueryDict(asked["query"]), request, now)
    if result.errors:
        return [], 0, error_sentences(result.errors)
    found = list(result.queryset.order_by().values_list("pk", "closed_at")[: AT_ONCE + 1])
    if len(found) > AT_ONCE:
        words = _("More than %(most)s findings match. At most %(most)s are changed at once: filter the list further.")
        return [], 0, [words % {"most": AT_ONCE}]
    return [pk for pk, closed_at in found if closed_at is None], len(found), []


def _done(request: HtmxRequest, done: Sorted, wanted: Wanted, query: str, gone: int) -> HttpResponse:
    number, left_out = len(done.changing), done.unseen + gone
    if wanted.kind == ASSIGN:
        words = ngettext(
            "%(n)s finding is assigned to %(person)s.", "%(n)s findings are assigned to %(person)s.", number
        )
    else:
        words = ngettext("%(n)s finding is acknowledged.", "%(n)s findings are acknowledged.", number)
    said = [words % {"n": number, "person": visible(str(wanted.person)) if wanted.person else _("nobody")}]
    if left_out:
        said.append(ngettext("%(n)s was left out.", "%(n)s were left out.", left_out) % {"n": left_out})
    messages.success(request, " ".join(said))
    if wanted.person not in {None, request.user} and number:
        person: Any = wanted.person
        if not send_assignments(done.changing, person, wanted.note, require_change(request.user)):
            messages.warning(request, _("No mail could be sent, so tell them yourself."))
    return redirect(f"{reverse('policy:finding_list')}?{query}" if query else "policy:finding_list")


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
    seen = Finding.objects.visible_to(request.user)
    chosen = FindingFilter(data, queryset=seen, request=request)
    state = data.get("state", "")
    found, count = of_state, count_of_state = settled(in_state(chosen, seen))
    if _is_narrowed(chosen):
        found, count = settled(chosen.qs if chosen.form.is_valid() else seen.none())
    page, problem = _page(found, request.GET.get("after", ""))
    return {
        "views_page": SavedView.Page.FINDINGS.value,
        "address": query_with(request.GET, after=None),
        "filter": chosen,
        "facets": facets(chosen, of_state, count_of_state),
        "tabs": _tabs(state),
        "rows": [_row(finding) for finding in page.rows],
        "problem": problem,
        "page": page_links(request.GET, page),
        "count": count,
        "count_words": in_words(count),
        "query": query_with(request.GET, after=None, view=None),
        "state": state,
        **_bulk(request, state, count),
        "urgent_count": count_up_to(found.filter(severity__gte=Severity.HIGH)),
    }


def _bulk(request: HtmxRequest, state: str, count: Count) -> dict[str, Any]:
    """What makes findings tickable, for those who may change what they see; what is closed is left as it is."""
    if not request.user.may_change or state == "closed":
        return {}
    is_few = count.exact and count.number <= AT_ONCE
    return {"bulk_url": reverse("policy:finding_change"), "bulk_kinds": KINDS, "bulk_most": 0 if is_few else AT_ONCE}


def _is_narrowed(chosen: FindingFilter) -> bool:
    """By more than its state; what was not understood finds nothing."""
    return not chosen.form.is_valid() or any(chosen.data.getlist(name) for name in chosen.filters if name != "state")


def _page(found: FindingQuerySet, after: str) -> tuple[Page[Finding], str]:
    """Sorted by their keys alone: what a line shows is read for the lines of the page, not for all that is sorted."""
    page, problem = page_at(found.only(WORST_FIRST.field), WORST_FIRST, after, SHOWN)
    rows = Finding.objects.with_subject().in_bulk([finding.pk for finding in page.rows])
    return replace(page, rows=[rows[finding.pk] for finding in page.rows if finding.pk in rows]), problem


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
