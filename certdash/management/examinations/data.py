"""The data: database, migrations, worker, ticks, audit chain, what the first run must have left."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.utils import DatabaseError

from accounts.models import AuditHead, Role, TickRun, User
from accounts.services import absolute, can_send_mail, read_heads
from alerts.models import Letter
from certdash import checks, health
from certdash.management import serving
from certdash.management.examinations.answers import Answer, Examination, bad, good, not_judged
from discovery.models import Network, Source, Zone
from discovery.services import stalled_zones
from inventory.models import Endpoint
from inventory.status import AHEAD


def database(now: datetime) -> Answer:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
            version = cursor.fetchone()[0]
    except DatabaseError as error:
        return bad("database", f"{connection.vendor} does not answer: {error}")
    return good("database", f"{connection.vendor} {version} answers")


def migrations(now: datetime) -> Answer:
    reason = health.migrations()
    return bad("migrations", reason) if reason else good("migrations", "all are applied")


def worker(now: datetime) -> Answer:
    reason = health.worker(now)
    return bad("worker", f"{reason}: is manage.py serve running?") if reason else good("worker", "it beats")


def ticks(now: datetime) -> Answer:
    """Everything that runs by the clock must have run within three of its periods, without an error."""
    runs = {run.name: run for run in TickRun.objects.order_by("started_at")}
    faults, waiting = [], []
    for name, _task, minutes in settings.TICKS:
        run = runs.get(name)
        if run is None:
            waiting.append(name)
        elif run.error:
            faults.append(f"{name} failed: {run.error.strip().splitlines()[-1]}")
        elif run.finished_at is None or now - run.finished_at > 3 * timedelta(minutes=minutes):
            faults.append(f"{name} has not finished since {(run.finished_at or run.started_at):%Y-%m-%d %H:%M} UTC")
    if faults:
        return bad("ticks", "; ".join(faults))
    if waiting:
        return not_judged("ticks", f"not run yet: {', '.join(waiting)}")
    return good("ticks", f"{len(settings.TICKS)} ran in time")


def audit_head(now: datetime) -> Answer:
    """Compare the end of the audit chain with its copy outside the database; `verify_audit` checks every event."""
    head = AuditHead.objects.filter(pk=1).first()
    if head is None or head.number == 0:
        return not_judged("audit", "nothing has been recorded yet")
    if not Path(settings.AUDIT_HEADS).is_file():
        return bad("audit", f"the copy of the head, {settings.AUDIT_HEADS}, is missing")
    outside = read_heads([settings.AUDIT_HEADS])
    if outside.damage:
        return bad("audit", outside.damage[0])
    if outside.last > head.number or outside.kept.get(head.number) != head.digest:
        return bad("audit", f"event {head.number} is not the end known outside: run manage.py verify_audit")
    return good("audit", f"{head.number} events; the end is the one known outside the database")


def administrators(now: datetime) -> Answer:
    count = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).count()
    if count:
        return good("administrators", f"{count} can sign in")
    return bad("administrators", "nobody can administer certdash: manage.py setup --link")


def addresses(now: datetime) -> Answer:
    """The address in mails, and the one that decides about hosts, cookies and passkeys."""
    # The shell of this command may not have the settings with which certdash was started.
    served = serving.address_of_running(Path(settings.VAR) / "run")
    found = checks.addresses(None, databases=["default"], ours=served or settings.BASE_URL)
    if found:
        return bad("addresses", "; ".join(f"{message.id}: {message.msg} {message.hint}" for message in found))
    return good("addresses", f"links in mails begin with {absolute('/', served)}")


def zones(now: datetime) -> Answer:
    names = list(Zone.objects.values_list("name", flat=True))
    if not names:
        return not_judged("zones", "none yet: the first network that may be scanned makes the default one")
    if stalled := stalled_zones(now):
        return bad("zones", f"scans wait and no worker takes them in: {', '.join(stalled)}. Does one run there?")
    return good("zones", ", ".join(names))


def owners(now: datetime) -> Answer:
    """Networks and sources of earlier versions; what is written today has an owner."""
    places = (
        ("network", Network.objects.ownerless().count(), "/discovery/networks/"),
        ("source", Source.objects.ownerless().count(), "/discovery/"),
    )
    found = [f"{count:,} {noun}{'s' if count > 1 else ''} ({where})" for noun, count, where in places if count]
    if found:
        return bad("owners", f"without an owner: {', '.join(found)}. An administrator chooses one there")
    return good("owners", "every network that may be probed and every source has one")


def moments(now: datetime) -> Answer:
    """Pages tell it of each; here it is told of all, with its cause."""
    ahead = Endpoint.objects.alive().filter(last_seen_at__gt=now + AHEAD).count()
    if not ahead:
        return good("moments", "no endpoint was seen in the future")
    counted = f"{ahead:,} endpoints were" if ahead > 1 else "1 endpoint was"
    return bad(
        "moments", f"{counted} seen in the future: the clock was ahead. It counts as not looked at until the next look."
    )


def letters(now: datetime) -> Answer:
    """Whether people are told: letters that failed, or have waited for over an hour, were told to nobody."""
    failed = Letter.objects.filter(state=Letter.State.FAILED).count()
    waiting = Letter.objects.overdue(now).count()
    if failed or waiting:
        return bad("letters", f"{failed:,} letters failed, {waiting:,} wait for over an hour: see /alerts/letters/")
    if not can_send_mail():
        return not_judged("letters", "no mail server is set (CERTDASH_EMAIL_HOST), so nobody is told of anything")
    last = Letter.objects.filter(state=Letter.State.SENT).order_by("-sent_at").first()
    if last is None:
        return not_judged("letters", "no letter has been sent yet")
    return good("letters", f"all letters left; the last one at {last.sent_at:%Y-%m-%d %H:%M} UTC")


def reading(examination: Examination) -> Examination:
    """Answer in a sentence also when the tables cannot be read (no database, no migration)."""

    def look(now: datetime) -> Answer:
        try:
            return examination(now)
        except DatabaseError as error:
            return not_judged(examination.__name__, f"the database cannot be read: {str(error).splitlines()[0]}")

    look.__name__ = examination.__name__
    return look


_READ = [migrations, worker, ticks, audit_head, administrators, addresses, zones, owners, moments, letters]
DATA: list[Examination] = [database, *map(reading, _READ)]
