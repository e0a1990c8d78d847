"""Importing without a preview, as the command line does: read and stored in one go, and taken back like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from accounts.models import Team
from accounts.services import audit
from certdash.lib.work import Clock, Heart, WorkStatus
from inventory.models import Import, ImportItem
from inventory.services.importing.claims import BATCH, LostError, counts_of, keep_claim
from inventory.services.importing.classifying import classify
from inventory.services.importing.reading import CERTIFICATES, keep_found
from inventory.services.importing.storing import store_items
from inventory.sources import Found

_WORKER = "command line"


def look_over(found: Iterator[Found]) -> Iterator[ImportItem]:
    """What would become of each thing: unsaved items, and nothing is written."""
    of, seen, position = Import(), set[str](), 0
    while batch := list(islice(found, BATCH)):
        yield from classify(of, position, batch, seen)
        position += len(batch)


def import_outright(
    name: str, found: Iterator[Found], *, team: Team | None, clock: Clock, progress: Callable[[], int] = lambda: 0
) -> Import:
    """Import what was found. Who is killed while storing has a successor; who is killed before has stored nothing."""
    of = _begun(name, team, clock())
    with Heart(of, clock):
        keep_found(of, found, clock, progress)
    with transaction.atomic():
        keep_claim(of, clock(), step=Import.Step.STORING, form=CERTIFICATES, done=0, **counts_of(of))
    of.refresh_from_db()
    with Heart(of, clock):
        store_items(of, clock)
    return of


@transaction.atomic
def _begun(name: str, team: Team | None, now: datetime) -> Import:
    of = Import.objects.create(name=name[:200], team=team, status=WorkStatus.QUEUED, created_at=now)
    audit(None, "import.begun", of, {}, {"team": team.name if team else ""}, now=now)
    if not of.claim(_WORKER, now):
        raise LostError
    return of
