"""What a worker does with a table, step by step, in one process."""

from __future__ import annotations

import io

from accounts.models import User
from certdash.lib.work import WorkStatus
from inventory.models import Import, ImportItem
from inventory.services import recount
from inventory.services.importing import rows
from inventory.services.importing.changes import Applied
from inventory.services.totals import kept
from inventory.sources.columns import propose
from inventory.sources.tables import read_table
from tests.conftest import NOW


def plan(text: str, actor: User, **options: str) -> Import:
    """What the worker does after the columns were named."""
    table = read_table(io.BytesIO(text.encode()))
    of = Import.objects.create(
        name="estate.csv", requested_by=actor, created_at=NOW, step=Import.Step.PREVIEW, status=WorkStatus.DONE,
        columns={**propose(table.headings), **options},
    )  # fmt: skip
    ImportItem.objects.bulk_create(rows.plan_rows(of, table, list(table.rows), 0, actor))
    return of


def store(of: Import) -> Applied:
    with kept() as deltas:
        applied = rows.apply_rows(of, list(of.items.all()), NOW, deltas)
    rows.tell_rows(of, applied, NOW)
    Import.objects.filter(pk=of.pk).update(step=Import.Step.STORED)
    return applied


def undo(of: Import) -> int:
    with kept() as deltas:
        return rows.undo_rows(of.items.all(), NOW, deltas)


def outcomes(of: Import) -> list[str]:
    return list(of.items.values_list("outcome", flat=True))


def totals_are_true() -> bool:
    return not recount()
