"""The second step: what the preview showed is stored, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task

from accounts.services import audit
from certdash.lib.work import Clock
from inventory.models import Import, ImportItem
from inventory.services.certificates import Stored, Unknown, store_certificates
from inventory.services.importing import spool
from inventory.services.importing.claims import BATCH, counts_of, end_step, keep_author, keep_claim, seen_by
from inventory.services.importing.lineages import apply_settings, is_settings
from inventory.services.importing.rows import apply_rows, tell_rows
from inventory.services.importing.waiting import Arrived, match_waiting, tell_waited
from inventory.services.rules import Finds, tell_applied
from inventory.services.sightings import note_sightings
from inventory.services.totals import kept
from inventory.services.writing import write


def store_items(of: Import, clock: Clock) -> None:
    """Go on behind the last item that was stored."""
    total = of.items.count()
    while batch := list(of.items.filter(position__gte=of.done).order_by("position")[:BATCH]):
        _store_batch(of, batch, total, clock)
    _end(of, clock())


def _store_batch(of: Import, batch: Sequence[ImportItem], total: int, clock: Clock) -> None:
    ders = {item.sha256: bytes(item.der) for item in batch if item.der is not None and item.sha256}
    # Reading them takes longer than writing them, and needs no transaction.
    sound = {item.sha256 for item in batch if item.outcome == ImportItem.Outcome.NEW}
    unknown, now, done = Unknown.among(ders.values(), sound), clock(), batch[-1].position + 1
    with transaction.atomic():
        keep_claim(of, now, done=done, total=total)
        keep_author(of, now)
        with kept() as deltas:
            finds = Finds.now(of.team, seen_by(of))
            stored = store_certificates(list(ders.values()), now, unknown, deltas, finds.begin_certificates)
            _mark(batch, stored)
            certificates = frozenset(stored.ids.values())
            note_sightings(seen_by(of), (), certificates, now)
            inferred = finds.apply(certificates, (), now, deltas)
            rows = [item for item in batch if item.data and not is_settings(item)]
            applied = apply_rows(of, rows, now, deltas) if rows else None
            attached = apply_settings(of, batch, now, deltas)
            waited = match_waiting(Arrived(new_certificates=stored.new), now, deltas)
        tell_applied(inferred, now)
        if applied:
            tell_rows(of, applied, now)
        tell_rows(of, attached, now)
        tell_waited(waited, now)
    of.done = done


def _mark(batch: Sequence[ImportItem], stored: Stored) -> None:
    """Say what became of each, and forget its bytes: they lie with the certificate now."""
    held = [item for item in batch if item.der is not None]
    made = set[int]()
    for item in held:
        pk = stored.ids[item.sha256]
        item.certificate_id, item.der = pk, None
        # Of two items of one certificate, the first made it.
        item.made = pk in stored.new and pk not in made
        made.add(pk)
    write(held, ("certificate_id", "der", "made"))


def _end(of: Import, now: datetime) -> None:
    upload = of.upload
    with transaction.atomic():
        counted = counts_of(of)
        end_step(of, Import.Step.STORED, now, stored_at=now, upload="", **counted)
        for path in settings.AFTER_RECORDING:
            async_task(path)
        audit(of.requested_by, "import.stored", of, {}, {**counted, "sha256": of.sha256}, now=now)
    spool.remove(upload)
