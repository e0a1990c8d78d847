"""A report's way: asked for, frozen, rendered in a child that can be killed, kept."""

from __future__ import annotations

import gzip
import hashlib
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task

from accounts.models import User
from accounts.services import audit
from certdash.lib.work import WorkStatus
from inventory import filters
from inventory.services import one_moment
from reports.models import Report
from reports.services.freezing import canonical, freeze_inventory

logger = logging.getLogger(__name__)

BEAT_EVERY = 10  # seconds; well inside the lease
MOST_SECONDS = 600
MOST_ATTEMPTS = 3
TAKEN_OVER = "Another worker took the report over."
Clock = Callable[[], datetime]


def request_report(user: User, query: str, now: datetime, *, enqueue: bool = True) -> Report:
    """Write the wish for a report and hand it to the workers. ``ValueError`` if the filter is not understood."""
    found = filters.certificates(query, user, now)
    if found.errors:
        raise ValueError(filters.error_sentences(found.errors))
    with transaction.atomic():
        report = Report.objects.create(
            title=str(Report.Kind.INVENTORY.label), filter=found.query, requested_by=user, created_at=now, total=3
        )
        if enqueue:
            async_task("reports.tasks.make", report.pk)
        audit(user, "report.request", report, {}, {"kind": report.kind, "filter": report.filter}, now=now)
    return report


def resume_reports(now: datetime) -> int:
    """Enqueue reports whose worker died; give up on those that killed every worker that tried."""
    stuck = Report.objects.claimable(now).filter(status=WorkStatus.RUNNING)
    for report in stuck.filter(attempts__gte=MOST_ATTEMPTS):
        reason = f"Given up after {report.attempts} attempts: each time its worker died."
        Report.objects.filter(pk=report.pk, attempts=report.attempts).update(
            status=WorkStatus.FAILED, error=reason, finished_at=now
        )
    rest = list(stuck.filter(attempts__lt=MOST_ATTEMPTS))
    for report in rest:
        async_task("reports.tasks.make", report.pk)
    return len(rest)


def make_report(pk: int, worker: str, clock: Clock) -> None:
    """Do the work, unless another worker has it or it is done. Safe to call twice."""
    report = Report.objects.get(pk=pk)
    if not report.is_open or not report.claim(worker, clock()):
        return
    try:
        _freeze(report, clock)
        pdf = _render(report, clock)
    except (ReportError, ValueError) as error:
        report.end(WorkStatus.FAILED, clock(), error=str(error))
        logger.warning("report %s failed: %s", pk, error)
        return
    _keep(report, pdf, clock())


class ReportError(Exception):
    """The document could not be made; the message says why, for the person who waits for it."""


def _freeze(report: Report, clock: Clock) -> None:
    """Freeze once: a second attempt renders the data of the first."""
    if report.data is None:
        user = report.requested_by
        now = clock()
        if user is None or not user.is_active or user.has_ended(now):
            # Their view would be an empty one, and an empty report reads like a good one.
            raise ReportError("The person who asked for this report is no longer here, so nobody's view can be taken.")
        with one_moment():
            data = canonical(freeze_inventory(user, report.filter, now))
        frozen = {
            "data": gzip.compress(data, mtime=0),
            "data_sha256": hashlib.sha256(data).hexdigest(),
            "taken_at": now,
            "done": 1,
        }
        if not report.beat(clock(), **frozen):
            raise ReportError(TAKEN_OVER)
        report.refresh_from_db(fields=list(frozen))


def _render(report: Report, clock: Clock) -> bytes:
    """Render in a child process: a document that eats memory or time ends with it, not with the worker."""
    with tempfile.TemporaryDirectory(prefix="certdash-report-") as folder:
        source, target = Path(folder, "data.json.gz"), Path(folder, "report.pdf")
        source.write_bytes(bytes(report.data or b""))
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "render_report", str(source), str(target)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:  # noqa: S603 (our own command, our own paths)
            complaint = _wait(child, report, clock)
        if child.returncode < 0:
            raise ReportError(
                f"The document could not be laid out: its process was ended by signal {-child.returncode}."
            )
        if child.returncode != 0:
            last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["no reason was given"]
            raise ReportError(f"The document could not be laid out: {last[0][:300]}")
        return target.read_bytes()


def _wait(child: subprocess.Popen[bytes], report: Report, clock: Clock) -> bytes:
    for _ in range(MOST_SECONDS // BEAT_EVERY):
        try:
            return child.communicate(timeout=BEAT_EVERY)[1]
        except subprocess.TimeoutExpired:
            if not report.beat(clock(), done=2):
                child.kill()
                raise ReportError(TAKEN_OVER) from None
    child.kill()
    raise ReportError(f"The document was not ready after {MOST_SECONDS} seconds.")


def _keep(report: Report, pdf: bytes, now: datetime) -> None:
    digest = hashlib.sha256(pdf).hexdigest()
    with transaction.atomic():
        kept = report.end(WorkStatus.DONE, now, pdf=pdf, pdf_sha256=digest, pdf_size=len(pdf), done=3)
        if kept:
            after = {"data_sha256": report.data_sha256, "pdf_sha256": digest}
            audit(report.requested_by, "report.made", report, {}, after, now=now)
