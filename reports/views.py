"""The overview, and reports from the wish to the download."""

from __future__ import annotations

import gzip

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import SavedView
from accounts.services import audit
from accounts.services.saved_views import views_of
from certdash.lib.htmx import HtmxRequest, page_or_fragment
from certdash.lib.work import WorkStatus
from inventory import filters
from reports import charts
from reports.charts.care import RULE_DATES, SERIES
from reports.exports import document
from reports.forms import ReportForm, ScheduleForm
from reports.models import Report, ReportQuerySet, Schedule
from reports.services import delete_schedule, organisation_zone, request_report, save_schedule, thaw
from reports.snapshot import take

LISTED = 50
SCHEDULES_LISTED = 200


@require_safe
@never_cache
def overview(request: HtmxRequest) -> HttpResponse:
    """What breaks next, where, and whose it is. ``?scope=mine`` narrows to the person's teams."""
    now = timezone.now()
    mine = request.GET.get("scope") == "mine"
    snapshot = take(request.user, now, mine=mine)
    context = {
        "snapshot": snapshot,
        "now": now,
        "horizon": charts.expiry_horizon(snapshot.weeks, SERIES, RULE_DATES),
    }
    return render(request, page_or_fragment(request, "reports/overview.html", "overview"), context)


@require_safe
def report_list(request: HtmxRequest) -> HttpResponse:
    reports = _light().visible_to(request.user).select_related("requested_by")[:LISTED]
    schedules = Schedule.objects.visible_to(request.user).select_related("person", "team", "last_report")
    context = {"reports": reports, "schedules": schedules[:SCHEDULES_LISTED], "zone": organisation_zone()}
    return render(request, "reports/report_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def schedule_new(request: HtmxRequest) -> HttpResponse:
    return _schedule(request, Schedule(person=request.user, filter=request.GET.urlencode()))


@require_http_methods(["GET", "HEAD", "POST"])
def schedule_edit(request: HtmxRequest, pk: int) -> HttpResponse:
    return _schedule(request, get_object_or_404(Schedule.objects.visible_to(request.user), pk=pk))


def _schedule(request: HtmxRequest, schedule: Schedule) -> HttpResponse:
    now = timezone.now()
    given = request.POST if request.method == "POST" else None
    form = ScheduleForm(given, instance=schedule, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            save_schedule(form.save(commit=False), actor=request.user, now=now)
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            return redirect("reports:report_list")
    context = {"form": form, "schedule": schedule}
    return render(request, "reports/schedule_form.html", context, status=422 if form.errors else 200)


@require_POST
def schedule_delete(request: HtmxRequest, pk: int) -> HttpResponse:
    schedule = get_object_or_404(Schedule.objects.visible_to(request.user), pk=pk)
    delete_schedule(schedule, actor=request.user, now=timezone.now())
    return redirect("reports:report_list")


@require_http_methods(["GET", "HEAD", "POST"])
def report_new(request: HtmxRequest) -> HttpResponse:
    """Ask for a report. Everybody may: it shows only what the person sees."""
    now = timezone.now()
    given = request.POST if request.method == "POST" else None
    initial = {"filter": request.GET.urlencode()}
    form = ReportForm(given, initial=initial, user=request.user, now=now)
    if request.method == "POST" and form.is_valid():
        report = request_report(request.user, form.cleaned_data["filter"], now)
        return redirect("reports:report_detail", pk=report.pk)
    query = form["filter"].value() or ""
    context = {"form": form, "covers": filters.certificates(query, request.user, now)}
    context["views"] = views_of(request.user, SavedView.Page.CERTIFICATES)
    return render(request, "reports/report_new.html", context, status=422 if form.errors else 200)


@require_safe
def report_detail(request: HtmxRequest, pk: int) -> HttpResponse:
    report = get_object_or_404(_light().visible_to(request.user), pk=pk)
    template = page_or_fragment(request, "reports/report_detail.html", "progress")
    return render(request, template, {"report": report})


@require_safe
def report_preview(request: HtmxRequest, pk: int) -> HttpResponse:
    """The report as a page: the template and the data of the PDF."""
    report = _with_data(request, pk)
    context = document.context(thaw(bytes(report.data or b"")), report.data_sha256)
    return render(request, "reports/inventory.html", {**context, "report": report, "preview": True})


@require_safe
def report_pdf(request: HtmxRequest, pk: int) -> HttpResponse:
    report = get_object_or_404(Report.objects.visible_to(request.user), pk=pk, status=WorkStatus.DONE)
    _note_download(request, report, "pdf")
    return _attachment(bytes(report.pdf or b""), "application/pdf", f"{_stem(report)}.pdf")


@require_safe
def report_data(request: HtmxRequest, pk: int) -> HttpResponse:
    """The frozen data, byte for byte what the SHA-256 on the cover is over."""
    report = _with_data(request, pk)
    _note_download(request, report, "data")
    return _attachment(gzip.decompress(bytes(report.data or b"")), "application/json", f"{_stem(report)}.json")


def _light() -> ReportQuerySet:
    """Reports without their documents, which may have megabytes."""
    return Report.objects.defer("data", "pdf")


def _with_data(request: HtmxRequest, pk: int) -> Report:
    made = Report.objects.visible_to(request.user).exclude(data=None)
    return get_object_or_404(made.defer("pdf"), pk=pk)


def _note_download(request: HtmxRequest, report: Report, what: str) -> None:
    with transaction.atomic():
        audit(request.user, "report.downloaded", report, {}, {"what": what}, now=timezone.now())


def _stem(report: Report) -> str:
    return f"certdash-{report.kind}-{report.pk}"


def _attachment(body: bytes, content_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type=content_type, headers=headers)
