"""What a mail says of work that was not done: scans, imports, what runs by the clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import TickRun
from alerts.models import Letter
from alerts.snapshot.scope import Scope
from alerts.snapshot.values import Part
from certdash.lib.inert import shorten, visible
from certdash.lib.work import WorkStatus
from discovery.models import Network, Source
from discovery.reasons import State
from discovery.services import Stood, networks_now, sources_now, stalled_zones
from inventory.filters import Count
from inventory.models import BulkChange, Import

LINES = 20
LONGEST = 160
# Worst first. What is switched off, or looked at in part, is on its page.
TOLD = (State.FAILED, State.LATE, State.STALE, State.UNPROVEN, State.NEVER)
# A new source has a day to be looked at.
PATIENCE = timedelta(days=1)
LATE_TURNS = 3


def scans(scope: Scope) -> Part:
    """Sources that the reader may see, and for administrators all networks that may be looked at."""
    sources = Source.objects.visible_to(scope.user).filter(enabled=True)
    if not scope.is_everything:
        sources = sources.filter(owner_team__in=scope.teams)
    fresh = Q(coverage=None, created_at__gt=scope.now - PATIENCE)
    stood: list[Stood[Source] | Stood[Network]] = [
        *sources_now(sources.exclude(fresh).select_related("coverage"), scope.now)
    ]
    if scope.is_everything:
        allowed = Network.objects.filter(purpose=Network.Purpose.PROBE, is_excluded=False)
        stood += networks_now(allowed.select_related("coverage"), scope.now)
    bad = sorted((one for one in stood if one.standing.state in TOLD), key=lambda one: TOLD.index(one.standing.state))
    words = ngettext("%(n)s scan with a gap", "%(n)s scans with a gap", len(bad)) % {"n": f"{len(bad):,}"}
    lines = [f"{_noun(one.row)} {_short(str(one.row))}: {_short(one.standing.sentence)}" for one in bad[:LINES]]
    return Part(
        "scans", _("Not scanned, or nothing found"), words, Count(len(bad)), lines, [reverse("discovery:coverage")]
    )


def _noun(row: Source | Network) -> str:
    return _("Source") if isinstance(row, Source) else _("Network")


def imports(scope: Scope, since: datetime) -> Part:
    """Imports and changes of many things that failed since the last mail, as their people see them."""
    failed = Q(status=WorkStatus.FAILED, finished_at__gte=since, finished_at__lt=scope.now)
    lines: list[str] = []
    if scope.is_person:
        for model, noun in ((Import, _("Import")), (BulkChange, _("Change"))):
            rows = model.objects.visible_to(scope.user).filter(failed).select_related("requested_by")
            if not scope.is_everything:
                rows = rows.filter(requested_by=scope.user)
            lines += [f"{noun} “{_short(str(row))}”: {_short(row.error or _('without a word'))}" for row in rows[:1000]]
    words = ngettext("%(n)s import failed", "%(n)s imports failed", len(lines)) % {"n": f"{len(lines):,}"}
    path = _path("inventory:import_list", "reports:overview")
    return Part("imports", _("Imports and changes that failed"), words, Count(len(lines)), lines[:LINES], [path])


def clockwork(scope: Scope) -> Part:
    """What runs by the clock and did not, zones without a worker, and mails that did not leave: for administrators."""
    lines = [*late_ticks(scope.now), *_stalled(scope.now), *_unsent()] if scope.is_everything else []
    words = ngettext("%(n)s job did not run", "%(n)s jobs did not run", len(lines)) % {"n": f"{len(lines):,}"}
    path = reverse("alerts:letter_list")
    return Part("clockwork", _("Did not run"), words, Count(len(lines)), lines[:LINES], [path])


def late_ticks(now: datetime) -> list[str]:
    """A sentence for each thing that should have run three times since it last did, or failed last time."""
    minutes = {name: period for name, _task, period in settings.TICKS}
    lines = []
    for run in TickRun.objects.filter(name__in=minutes).order_by("name", "zone"):
        told = {"name": run.name, "zone": run.zone}
        if run.error:
            lines.append(_("“%(name)s” failed in zone %(zone)s: ") % told + _short(run.error.strip().splitlines()[-1]))
        elif now - (run.finished_at or run.started_at) > LATE_TURNS * timedelta(minutes=minutes[run.name]):
            at = f"{run.finished_at or run.started_at:%Y-%m-%d %H:%M} UTC"
            lines.append(_("“%(name)s” has not finished in zone %(zone)s since %(at)s.") % {**told, "at": at})
    return lines


def _stalled(now: datetime) -> Iterable[str]:
    for zone in stalled_zones(now):
        yield _("Scans wait in zone %(zone)s, and no worker takes them.") % {"zone": visible(zone)}


def _unsent() -> Sequence[str]:
    failed = Letter.objects.filter(state=Letter.State.FAILED).order_by()[:10_001].count()
    if not failed:
        return []
    words = ngettext("%(n)s letter could not be sent.", "%(n)s letters could not be sent.", failed)
    return [words % {"n": f"{failed:,}"}]


def _short(text: str) -> str:
    return shorten(visible(" ".join(text.split())), LONGEST)


def _path(*names: str) -> str:
    """The first of these pages that there is."""
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return "/"
