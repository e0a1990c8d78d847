"""The third step: what the import did is taken back, last things first, and nothing that others know is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.module_loading import import_string

from accounts.services import audit
from certdash.lib.work import Clock
from inventory.models import (
    Certificate,
    Chain,
    ChainLink,
    Endpoint,
    Import,
    ImportItem,
    ImportTouch,
    Origin,
    ServedChain,
    Sighting,
)
from inventory.services.importing.claims import BATCH, end_step, keep_claim, seen_by
from inventory.services.importing.rows import undo_rows
from inventory.services.totals import Share, certificate_shares, kept
from inventory.services.writing import among

# Details that people set, unless ``ruled`` says that a rule did.
_DETAILS = ("environment", "criticality", "application", "purpose", "exposure")
_WORDS = ("regulations", "data_lifetime_years", "custom_fields", "notes", "retired_at", "retired_reason")


def take_back(of: Import, clock: Clock) -> None:
    """Go on behind the last item that was taken back. Counts are told for the whole, also after a worker died."""
    total = of.items.count()
    while batch := list(of.items.filter(position__lt=total - of.done).order_by("-position")[:BATCH]):
        _undo_batch(of, batch, total, clock)
    _end(of, clock)


def _undo_batch(of: Import, batch: Sequence[ImportItem], total: int, clock: Clock) -> None:
    now, done = clock(), total - batch[-1].position
    pks = {item.certificate_id for item in batch if item.certificate_id}
    with transaction.atomic():
        keep_claim(of, now, done=done, total=total)
        with kept() as deltas:
            undo_rows([item for item in batch if item.data], now, deltas)
            by = seen_by(of)
            mine = Sighting.objects.filter(among("certificate_id", pks), source_kind=by.kind, source_name=by.name)
            mine.delete()
            _forget(_forgettable(pks), deltas)
    of.done = done


def _forgettable(pks: Collection[int]) -> list[Certificate]:
    """Those that imports alone made known, that nobody wrote on, and that nothing cites. They are locked."""
    rows = _unseen(Certificate.objects.filter(among("pk", pks))).order_by("pk").select_for_update()
    silent = [row for row in rows if not _has_words(row)]
    left = {row.pk for row in silent}
    for path in settings.CERTIFICATES_HELD_BY:
        left -= import_string(path)(left)
    return [row for row in silent if row.pk in left]


def _unseen(rows: QuerySet[Certificate]) -> QuerySet[Certificate]:
    this = OuterRef("pk")
    seen = (
        Exists(Sighting.objects.filter(certificate=this))
        | Exists(ServedChain.objects.filter(certificate=this))
        | Exists(ChainLink.objects.filter(certificate=this))
        | Exists(Chain.objects.filter(leaf=this))
        | Exists(Endpoint.objects.filter(certificate=this))
        | Exists(Certificate.tags.through.objects.filter(certificate=this))
    )
    made = Exists(ImportItem.objects.filter(certificate=this, made=True))
    return rows.filter(made, ~Q(owner_origin=Origin.MANUAL), served_ever=False, managed=False).exclude(seen)


def _has_words(row: Certificate) -> bool:
    """Whether people said something of it that would be lost with it."""
    return any(getattr(row, name) for name in _WORDS) or any(
        getattr(row, name) and name not in row.ruled for name in _DETAILS
    )


def _forget(rows: Sequence[Certificate], deltas: Counter[Share]) -> None:
    deltas.subtract(share for row in rows for share in certificate_shares(row))
    Certificate.objects.filter(among("pk", [row.pk for row in rows])).delete()


def _end(of: Import, clock: Clock) -> None:
    now, told = clock(), what_was_taken_back(of)
    with transaction.atomic():
        end_step(of, Import.Step.UNDONE, now, undone_at=now)
        audit(of.requested_by, "import.undone", of, {}, {**told, "sha256": of.sha256}, now=now)


def what_was_taken_back(of: Import) -> dict[str, int]:
    """Of the certificates that it made, how many are ``forgotten`` and how many ``kept`` because others know them.

    ``kept_of_others``: rows whose changes stay, because what they changed belongs to other teams by now.
    """
    made = of.items.filter(made=True)
    told = {"forgotten": made.filter(certificate=None).count(), "kept": made.exclude(certificate=None).count()}
    others = ImportTouch.objects.filter(item__of=of).count()
    return told | {"kept_of_others": others} if others else told
