"""Holding the claim of an import in each transaction that writes for it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from accounts.services import still_acts
from certdash.lib.work import WorkStatus
from inventory.models import Import, ImportItem
from inventory.models.endpoints import IMPORT_NAME, IMPORTED
from inventory.services.sightings import SeenBy

BATCH = 500


class LostError(Exception):
    """Another worker has the import, or it was dropped: what we hold belongs to nobody."""


class ImportFailedError(Exception):
    """The step cannot be done; the message says why, for the person who waits for it."""


def keep_claim(of: Import, now: datetime, **changes: Any) -> None:
    """First in each transaction: whoever lost the claim writes nothing."""
    if not of.beat(now, **changes):
        raise LostError


def keep_author(of: Import, now: datetime) -> None:
    """Whoever may not import any more stores nothing. On the command line nobody uploads, and nobody need be named."""
    if (of.requested_by_id or of.sha256) and still_acts(of.requested_by_id, now) is None:
        raise ImportFailedError(
            _("The person who began this import may not do it any more, so nothing more is stored.")
        )


def end_step(of: Import, step: Import.Step, now: datetime, **changes: Any) -> None:
    if not of.end(WorkStatus.DONE, now, step=step, error="", **changes):
        raise LostError
    of.refresh_from_db()


def seen_by(of: Import) -> SeenBy:
    """As a source of sightings. Two files may have one name, and each is taken back alone."""
    return SeenBy(IMPORTED, f"{of.name[:IMPORT_NAME]} (import {of.pk})")


def counts_of(of: Import) -> dict[str, int]:
    """The columns that count items; what is stored in part is new."""
    rows = of.items.order_by().values_list("outcome").annotate(Count("pk"))
    number = Counter(dict(rows))
    outcome = ImportItem.Outcome
    return {
        "new": number[outcome.NEW] + number[outcome.PARTIAL],
        "known": number[outcome.KNOWN],
        "refused": number[outcome.REFUSED],
        "waiting": number[outcome.WAITING],
        "applied": number[outcome.MATCHED],
    }
