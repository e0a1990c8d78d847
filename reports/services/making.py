"""A report's way: asked for, frozen, rendered in a child that can be killed, kept."""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task

from accounts.models import Team, User
from accounts.services import audit, still_here
from certdash.lib.work import LEASE, Clock, Heart, WorkStatus, resume
from inventory.services import one_moment
from reports.models import Report
from reports.services.folders import workplace
from reports.services.freezing import canonical, freeze_inventory, owners_shown, scope_of

logger = logging.getLogger(__name__)

MAKE = "reports.tasks.make"
BEAT_EVERY = 10  # seconds; well inside the lease
MOST_SECONDS = 600
MOST_ATTEMPTS = 3
TAKEN_OVER = "Another worker took the report over."


def request_report(
    user: User, query: str, now: datetime, *, title: str = "", team: Team | None = None, enqueue: bool = True
) -> Report:
    """Write the wish for a report and hand it to the workers. Raises ``ValueError`` as ``scope_of``.

    The members of ``team`` read it, too, if all that it shows is theirs.
    """
    found = scope_of(user, query, now)
    with transaction.atomic():
        report = Report.objects.create(
            title=title or str(Report.Kind.INVENTORY.label),
            for_team=team,
            filter=found.query,
            requested_by=user,
            created_at=now,
            # Who waits for a worker is not handed over again before this.
            claim_until=now + LEASE,
            total=3,
        )
        if enqueue:
            async_task(MAKE, report.pk)
        after = {"kind": report.kind, "filter": report.filter}
        audit(user, "report.requested", report, {}, after, now=now)
    return report


def resume_reports(now: datetime) -> int:
    """Hand over again what nobody works on: its task was lost on the way, or its worker died. Safe to call twice."""
    return resume(Report.objects.stranded(now), MAKE, now)


def make_report(pk: int, worker: str, clock: Clock) -> None:
    """Do the work, unless another worker has it or it is done. Safe to call twice."""
    report = Report.objects.filter(pk=pk).first()
    if report is None or not report.is_open or not report.claim(worker, clock()):
        return
    try:
        _stop_a_killer(report)
        _freeze(report, clock)
        pdf = _render(report, clock)
    except (ReportError, ValueError) as error:
        report.end(WorkStatus.FAILED, clock(), error=str(error))
        logger.warning("report %s failed: %s", pk, error)
        return
    _keep(report, pdf, clock())


class ReportError(Exception):
    """The document could not be made; the message says why, for the person who waits for it."""


def _stop_a_killer(report: Report) -> None:
    """A report that took down so many workers is at fault itself."""
    if report.attempts > MOST_ATTEMPTS:
        raise ReportError(
            f"Given up after {MOST_ATTEMPTS} attempts: each time the worker that made it was ended. "
            "Ask for a smaller scope, or see the log of the workers for the reason."
        )


def _freeze(report: Report, clock: Clock) -> None:
    """Freeze once: a second attempt renders the data of the first."""
    if report.data is not None:
        return
    now = clock()
    user = _author(report, now)
    # Reading may take longer than a lease, and must not write.
    with Heart(report, clock), one_moment():
        data = canonical(freeze_inventory(user, report.filter, now))
        owners = owners_shown(user, report.filter, now)
    teams = [owner for owner in owners if owner is not None]
    frozen = {
        "data": gzip.compress(data, mtime=0),
        "data_sha256": hashlib.sha256(data).hexdigest(),
        "taken_at": now,
        "done": 1,
        "teams_shown": len(teams),
        "shows_unowned": None in owners,
        "shows_everything": user.sees_everything,
    }
    with transaction.atomic():
        if not report.beat(clock(), **frozen):
            raise ReportError(TAKEN_OVER)
        report.teams.set(Team.objects.filter(pk__in=teams))
    report.refresh_from_db(fields=list(frozen))


def _author(report: Report, now: datetime) -> User:
    user = still_here(report.requested_by_id, now)
    if user is None:
        # Their view would be an empty one, and an empty report reads like a good one.
        raise ReportError("The person who asked for this report is no longer here, so nobody's view can be taken.")
    return user


def _render(report: Report, clock: Clock) -> bytes:
    """Render in a child process: a document that eats memory or time ends with it, not with the worker."""
    with workplace() as folder:
        source, target = Path(folder, "data.json.gz"), Path(folder, "report.pdf")
        source.write_bytes(bytes(report.data or b""))
        manage, parent = str(settings.BASE_DIR / "manage.py"), str(os.getpid())
        command = [sys.executable, manage, "render_report", str(source), str(target), "--parent", parent]
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
