"""Importing a table without a preview, as the command line does for a person whose rights count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.services import audit, require_change
from certdash.lib.work import Clock, Heart, WorkStatus
from inventory.models import Import, ImportItem, ImportMapping
from inventory.services.importing.asking import ImportRefusedError, require_team
from inventory.services.importing.claims import ImportFailedError, LostError, counts_of, keep_claim
from inventory.services.importing.reading import batched, is_table, keep_rows, mapped
from inventory.services.importing.rows import Described, describe_table, plan_rows
from inventory.services.importing.storing import store_items
from inventory.sources.cells import CUSTOM
from inventory.sources.columns import SUBJECTS
from inventory.sources.tables import read_table

_WORKER = "command line"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table on this machine, and what its columns mean: our field, or a tick, → heading, or “yes”."""

    path: Path
    described: Described
    columns: Mapping[str, str]
    size: int
    sha256: str

    @property
    def mapping(self) -> dict[str, str]:
        """Heading → our field, without what was ticked."""
        there = {str(heading["name"]) for heading in self.described.headings}
        return {
            name: "a field of its own" if field.startswith(CUSTOM) else field
            for field, name in self.columns.items()
            if name in there
        }

    @property
    def not_kept(self) -> list[str]:
        return [str(each["name"]) for each in self.described.headings if each["name"] not in self.mapping]


def open_sheet(path: Path, mapping: str = "", ticked: Mapping[str, str] | None = None) -> Sheet | None:
    """None if the file is no table. Raises ImportRefusedError for a mapping that does not fit, or is not kept."""
    if not path.is_file() or not path.stat().st_size:
        return None
    with path.open("rb") as file, mapped(file) as data:
        try:
            if not is_table(file, data):
                return None
        except ImportFailedError as error:
            raise ImportRefusedError(str(error)) from error
        described, size, digest = describe_table(file), len(data), hashlib.sha256(data).hexdigest()
    columns = _kept(mapping, described) if mapping else described.columns
    if not set(SUBJECTS) & columns.keys():
        raise ImportRefusedError(_("No column is recognised as host, certificate or serial number. Use --mapping."))
    return Sheet(path, described, {**columns, **(ticked or {})}, size, digest)


def _kept(name: str, described: Described) -> dict[str, str]:
    found = ImportMapping.objects.filter(name=name).first()
    if found is None:
        raise ImportRefusedError(_("No mapping is kept as “%(name)s”.") % {"name": name})
    missing = sorted(set(found.columns.values()) - {str(heading["name"]) for heading in described.headings})
    if missing:
        raise ImportRefusedError(
            _("The file has no column “%(name)s”, which the mapping names.") % {"name": missing[0]}
        )
    return dict(found.columns)


def look_over_rows(sheet: Sheet, actor: User) -> Iterator[ImportItem]:
    """What would become of each row: unsaved items, and nothing is written."""
    require_change(actor)
    of = Import(name=sheet.path.name, requested_by=actor, columns=dict(sheet.columns))
    with sheet.path.open("rb") as file:
        table, position = read_table(file), 0
        for batch in batched(table.rows):
            yield from plan_rows(of, table, batch, position, actor)
            position += len(batch)


def import_rows(sheet: Sheet, *, team: Team | None, actor: User, clock: Clock) -> Import:
    """Import the table as this person. Raises PermissionDenied for a team that is not theirs."""
    require_team(require_change(actor), team)
    with sheet.path.open("rb") as file:
        of = _begun(sheet, team, actor, clock())
        with Heart(of, clock):
            keep_rows(of, file, clock)
    with transaction.atomic():
        keep_claim(of, clock(), step=Import.Step.STORING, done=0, **counts_of(of))
    of.refresh_from_db()
    with Heart(of, clock):
        store_items(of, clock)
    return of


@transaction.atomic
def _begun(sheet: Sheet, team: Team | None, actor: User, now: datetime) -> Import:
    of = Import.objects.create(
        name=sheet.path.name[:200],
        size=sheet.size,
        sha256=sheet.sha256,
        form=sheet.described.form,
        headings=sheet.described.headings,
        columns=dict(sheet.columns),
        team=team,
        requested_by=actor,
        status=WorkStatus.QUEUED,
        created_at=now,
    )
    after = {"size": of.size, "sha256": of.sha256, "team": team.name if team else ""}
    audit(actor, "import.begun", of, {}, after, now=now)
    if not of.claim(_WORKER, now):
        raise LostError
    return of
