"""PKCS#12 files inside an archive: they wait beside the preview until somebody says their password, or agrees without.

Only the files that did not open are kept, and only until then. The password is used at once and kept nowhere.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from certdash.lib.work import WorkStatus
from inventory.models import Import, ImportItem
from inventory.services.importing import spool
from inventory.services.importing.asking import ImportRefusedError, require_own
from inventory.services.importing.claims import counts_of
from inventory.services.importing.classifying import classify
from inventory.sources import Budget, Found, read_file
from inventory.sources.value import LOCKED, MIB

_ENDING = ".locked"
# All of one upload; of more, people import the rest alone.
KEPT_AT_MOST = 32 * MIB
# A person waits; what was not reached is tried first the next time.
SECONDS = 4.0
_NAMED = 20


class _File(NamedTuple):
    path: str
    offset: int
    raw: bytes


@dataclass(slots=True)
class Locked:
    """What did not open while an upload was read."""

    files: list[_File] = field(default_factory=list)
    size: int = 0

    def keep(self, path: str, offset: int, raw: bytes) -> None:
        self.size += len(raw)
        if self.size <= KEPT_AT_MOST:
            self.files.append(_File(path, offset, raw))

    def spooled(self) -> str:
        return _spool(self.files)


class StillLocked(NamedTuple):
    names: list[str]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Tried:
    opened: int
    left: int


def still_locked(of: Import) -> StillLocked | None:
    """Which files a password would open; None if there is none."""
    if not of.upload.endswith(_ENDING):
        return None
    rows = of.items.filter(outcome=ImportItem.Outcome.REFUSED, reason__in=LOCKED).order_by("position")
    names = list(rows.values_list("path", flat=True)[: _NAMED + 1])
    return StillLocked(names[:_NAMED], len(names) > _NAMED)


def try_password(of: Import, password: str, *, actor: User, now: datetime) -> Tried:
    """Try it on the files that did not open. What opens takes the place of its refusal in the preview."""
    require_own(of, actor)
    before = of.upload
    if of.step != Import.Step.PREVIEW or not before.endswith(_ENDING):
        raise ImportRefusedError(_("No file of this import waits for a password."))
    opened, left = _try_all(_files(before), password)
    if opened:
        # Kept before the row names it; a file that no row names is removed by the tidying.
        after = _spool(left)
        try:
            _put_in(of, before, after, opened, actor, now)
        except ImportRefusedError:
            spool.remove(after)
            raise
        spool.remove(before)
    return Tried(len(opened), len(left))


def _try_all(files: Iterable[_File], password: str) -> tuple[list[list[Found]], list[_File]]:
    """What was found in each that opened, and the others: those that were not reached first."""
    opened, failed, unreached = list[list[Found]](), list[_File](), list[_File]()
    until = time.monotonic() + SECONDS
    for file in files:
        if time.monotonic() > until:
            unreached.append(file)
            continue
        found = list(read_file(file.raw, Budget(password=password, opened=1, one_seconds=SECONDS), file.path))
        held = [each._replace(offset=file.offset) for each in found if each.der]
        if held:
            opened.append(held)
        else:
            failed.append(file)
    return opened, [*unreached, *failed]


@transaction.atomic
def _put_in(of: Import, before: str, after: str, opened: Sequence[Sequence[Found]], actor: User, now: datetime) -> None:
    """Raises ImportRefusedError if somebody was faster: agreed, dropped it, or tried a password, too."""
    same = Import.objects.filter(pk=of.pk, step=Import.Step.PREVIEW, status=WorkStatus.DONE, upload=before)
    if not same.update(upload=after):
        raise ImportRefusedError(_("This import has changed meanwhile. Look at it again."))
    position, seen = of.items.count(), set(of.items.exclude(sha256="").values_list("sha256", flat=True))
    for found in opened:
        refused = of.items.filter(path=found[0].path, offset=found[0].offset, reason__in=LOCKED).first()
        if refused is None:
            continue
        # The first takes the place of the refusal, the others stand at the end.
        first, *others = classify(of, position - 1, found, seen)
        first.pk, first.position = refused.pk, refused.position
        first.save(force_update=True)
        ImportItem.objects.bulk_create(others)
        position += len(others)
    Import.objects.filter(pk=of.pk).update(**counts_of(of))
    of.refresh_from_db()
    audit(actor, "import.password_tried", of, {}, {"opened": len(opened), "sha256": of.sha256}, now=now)


def _spool(files: Sequence[_File]) -> str:
    if not files:
        return ""
    lines = (json.dumps([path, at, base64.b64encode(raw).decode()]).encode() + b"\n" for path, at, raw in files)
    return spool.spool(io.BytesIO(b"".join(lines)), _ENDING).upload


def _files(upload: str) -> Iterator[_File]:
    try:
        with spool.path_of(upload).open("rb") as lines:
            for line in lines:
                path, offset, raw = json.loads(line)
                yield _File(path, offset, base64.b64decode(raw))
    except FileNotFoundError as error:
        raise ImportRefusedError(_("These files are not on this machine any more. Import them again.")) from error
