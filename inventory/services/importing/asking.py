"""What people ask of an import: each is one short transaction that a worker follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import IO

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from accounts.models import Team, User
from accounts.services import audit, require_change
from certdash.lib.work import LEASE, WorkStatus
from inventory.models import Import
from inventory.services.importing import protected, spool
from inventory.services.importing.touching import UNDO_ASKED
from inventory.x509.text import storable

RUN = "inventory.tasks.run_import"
# How often the columns were chosen again; beside the first heading.
ROUNDS = "rounds"
Step = Import.Step
# Who said so; what came of it, the worker tells.
_VERBS = {Step.READING: "import.mapped", Step.STORING: "import.agreed", Step.UNDOING: UNDO_ASKED}


class ImportRefusedError(ValueError):
    """The import cannot be begun, or is past this step; the message says why, for a person."""


class PasswordNeededError(ImportRefusedError):
    """The file does not open without its password, or not with this one."""


def begin_import(
    name: str, stream: IO[bytes], *, password: str, team: Team | None, actor: User, now: datetime
) -> Import:
    """Keep the upload and ask a worker to read it. What is new becomes the team's, unless a rule says otherwise.

    Raises ImportRefusedError for what is empty or too large, PasswordNeededError, and PermissionDenied for a team that
    is not the actor's. The password is used at once and never kept.
    """
    require_team(require_change(actor), team)
    try:
        kept = spool.spool(stream)
    except spool.TooLargeError as error:
        raise ImportRefusedError(str(error)) from error
    if not kept.size:
        spool.remove(kept.upload)
        raise ImportRefusedError(_("There is nothing in it."))
    try:
        kept = protected.open_upload(kept, password)
    except protected.PasswordError as error:
        raise PasswordNeededError(str(error)) from error
    return _begun(name, kept, team, actor, now)


def require_team(actor: User, team: Team | None) -> None:
    if team and not actor.sees_everything and not actor.memberships.filter(team=team).exists():
        raise PermissionDenied(_("You are not a member of this team."))


@transaction.atomic
def _begun(name: str, kept: spool.Spooled, team: Team | None, actor: User, now: datetime) -> Import:
    called = storable(PurePath(name).name)[:200] or _("pasted text")
    begun = Import.objects.create(
        name=called,
        size=kept.size,
        sha256=kept.sha256,
        upload=kept.upload,
        team=team,
        requested_by=actor,
        created_at=now,
        # Who waits for a worker is not handed over again before this.
        claim_until=now + LEASE,
    )
    async_task(RUN, begun.pk)
    after = {"size": kept.size, "sha256": kept.sha256, "team": team.name if team else ""}
    audit(actor, "import.begun", begun, {}, after, now=now)
    return begun


def map_columns(of: Import, columns: Mapping[str, str], *, actor: User, now: datetime) -> None:
    """Say which column means what (our field → heading), and read the table by it; also again, from the preview."""
    with transaction.atomic():
        _turn(of, (Step.MAPPING,), Step.READING, actor, now, columns=dict(columns))


def choose_columns_again(of: Import, *, actor: User, now: datetime) -> None:
    """Back from the preview of a table to its columns: its upload is still here. Asked twice, it is done once."""
    with transaction.atomic():
        require_own(of, actor)
        rounds = int(of.headings[0].get(ROUNDS, 0)) + 1 if of.headings else 0
        ready = Import.objects.filter(pk=of.pk, step=Step.PREVIEW, status=WorkStatus.DONE).exclude(upload="")
        # What was read by the earlier choice, the next reader forgets.
        headings = [{**of.headings[0], ROUNDS: rounds}, *of.headings[1:]] if rounds else []
        turned = ready.update(step=Step.MAPPING, headings=headings) if rounds else 0
        of.refresh_from_db()
        if turned:
            audit(actor, "import.columns_again", of, {}, {"sha256": of.sha256}, now=now)
        elif of.step != Step.MAPPING:
            raise ImportRefusedError(_("The columns of this import cannot be chosen again. Import the file again."))


def store_import(of: Import, *, actor: User, now: datetime) -> None:
    """Store what the preview shows. Asked twice, it is done once."""
    with transaction.atomic():
        _turn(of, (Step.PREVIEW,), Step.STORING, actor, now)


def undo_import(of: Import, *, actor: User, now: datetime) -> None:
    """Take back what the import did, as a whole, also where storing failed halfway. Asked twice, it is done once."""
    with transaction.atomic():
        half = Q(step=Step.STORING, status=WorkStatus.FAILED, done__gt=0)
        _turn(of, (Step.STORED,), Step.UNDOING, actor, now, also=half)


def _turn(
    of: Import,
    before: tuple[Step, ...],
    after: Step,
    actor: User,
    now: datetime,
    *,
    also: Q | None = None,
    **changes: object,
) -> None:
    """Go to the next step and hand it to the workers, unless somebody already did."""
    require_own(of, actor)
    done = Q(step__in=before, status=WorkStatus.DONE)
    ready = Import.objects.filter(done | also if also else done, pk=of.pk)
    queued = {"status": WorkStatus.QUEUED, "done": 0, "total": 0, "finished_at": None, "claim_until": now + LEASE}
    turned = ready.update(step=after, **queued, **changes)
    of.refresh_from_db()
    if turned:
        async_task(RUN, of.pk)
        audit(actor, _VERBS[after], of, {}, {"sha256": of.sha256}, now=now)
    elif of.step != after:
        raise ImportRefusedError(_("This import %(step)s.") % {"step": of.get_step_display()})


def require_own(of: Import, actor: User) -> None:
    if not Import.objects.visible_to(require_change(actor)).filter(pk=of.pk).exists():
        raise PermissionDenied(_("This import is not yours."))


def drop_import(of: Import, *, actor: User, now: datetime) -> None:
    """Forget what was read; nothing of it was stored. Asked twice, it is done once."""
    with transaction.atomic():
        require_own(of, actor)
        droppable = Import.objects.filter(pk=of.pk, step__in=(Step.READING, Step.MAPPING, Step.PREVIEW))
        # A worker that still reads it finds its claim lost.
        ended = {"status": WorkStatus.CANCELLED, "finished_at": now, "claim_until": None}
        dropped = droppable.update(step=Step.DROPPED, upload="", **ended)
        upload = of.upload
        of.refresh_from_db()
        if dropped:
            audit(actor, "import.dropped", of, {}, {"sha256": of.sha256}, now=now)
        elif of.step != Step.DROPPED:
            raise ImportRefusedError(_("This import %(step)s.") % {"step": of.get_step_display()})
    spool.remove(upload)
