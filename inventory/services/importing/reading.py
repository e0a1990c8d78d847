"""The first step: what stands in the upload becomes items, and nothing else happens."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import IO, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from certdash.lib.work import Clock
from inventory.models import Import, ImportItem
from inventory.services.importing import protected, spool
from inventory.services.importing.claims import BATCH, ImportFailedError, counts_of, end_step, keep_claim
from inventory.services.importing.classifying import classify
from inventory.services.importing.locked import Locked
from inventory.services.importing.rows import describe_table, plan_rows
from inventory.services.writing import among, insert
from inventory.sources import Budget, Buffer, Found, is_text, read_upload
from inventory.sources.pem import BEGIN
from inventory.sources.tables import TableError, TooLargeError, read_table

CERTIFICATES = "certificates"
_COLUMNS = (
    "of_id", "position", "path", "offset", "label", "outcome", "reason", "sha256", "der", "certificate_id", "host",
    "port", "data", "made", "before",
)  # fmt: skip
Thing = TypeVar("Thing")


def read_import(of: Import, clock: Clock) -> None:
    """Read on behind the last item that was written. A table waits for its columns first."""
    path = spool.path_of(of.upload)
    if not of.upload or not path.is_file():
        raise ImportFailedError(_("The upload is not on this machine any more. Import it again."))
    with path.open("rb") as file, mapped(file) as data:
        if of.columns or (not protected.is_opened(of.upload) and is_table(file, data)):
            _read_table(of, file, clock)
        else:
            _read_certificates(of, data, clock)


@contextmanager
def mapped(file: IO[bytes]) -> Iterator[mmap.mmap]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def is_table(file: IO[bytes], data: Buffer) -> bool:
    """Text with columns, and with PEM in none but its cells, which stand in quotation marks."""
    if not is_text(data):
        return False
    begin = data.find(BEGIN)
    if begin >= 0 and data[max(begin - 1, 0) : begin] != b'"':
        return False
    try:
        described = describe_table(file)
    except TooLargeError as error:
        raise ImportFailedError(str(error)) from error
    except TableError:
        return False
    return len(described.headings) > 1 and bool(described.columns)


def _read_table(of: Import, file: IO[bytes], clock: Clock) -> None:
    try:
        if not of.columns:
            _ask_for_columns(of, file, clock())
            return
        if not of.done:
            _forget_earlier(of, clock)
        keep_rows(of, file, clock)
    except TableError as error:
        raise ImportFailedError(str(error)) from error
    _end(of, clock(), of.form, upload=of.upload)


def keep_rows(of: Import, file: IO[bytes], clock: Clock) -> None:
    """Plan the rows and keep them, behind the last one that is there already. Raises TableError."""
    table, start = read_table(file), of.items.count()
    for batch in batched(islice(table.rows, start, None)):
        # Whose import it is stands in it; without that person, nothing may be seen or changed.
        if of.requested_by is None:
            raise ImportFailedError(_("The person who began this import is no longer here."))
        items = plan_rows(of, table, batch, start, of.requested_by)
        _keep(of, items, clock(), file.tell())
        start += len(items)


def _forget_earlier(of: Import, clock: Clock) -> None:
    """What an earlier choice of columns made of the rows."""
    while pks := list(of.items.order_by("pk").values_list("pk", flat=True)[: 10 * BATCH]):
        with transaction.atomic():
            keep_claim(of, clock())
            of.items.filter(among("pk", pks)).delete()


def _ask_for_columns(of: Import, file: IO[bytes], now: datetime) -> None:
    described = describe_table(file)
    end_step(
        of, Import.Step.MAPPING, now,
        form=described.form, headings=described.headings, columns=described.columns,
    )  # fmt: skip


def _read_certificates(of: Import, data: Buffer, clock: Clock) -> None:
    locked = Locked()
    budget = Budget(locked=locked.keep)
    # Who reads again, behind a worker that was ended, has more time: it opens no less than was opened before, so that
    # counting on from the last item leaves nothing out.
    budget.opened_seconds *= max(of.attempts, 1)
    found = protected.read_opened(data) if protected.is_opened(of.upload) else read_upload(data, budget)
    keep_found(of, found, clock, lambda: budget.progress)
    _end(of, clock(), CERTIFICATES, upload=locked.spooled())


def keep_found(of: Import, found: Iterator[Found], clock: Clock, progress: Callable[[], int]) -> None:
    """Classify and keep what was found, behind the last item that is there already."""
    start = of.items.count()
    seen = set(of.items.exclude(sha256="").values_list("sha256", flat=True))
    for batch in batched(islice(found, start, None)):
        _keep(of, classify(of, start, batch, seen), clock(), progress())
        start += len(batch)


def batched(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    iterator = iter(things)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _keep(of: Import, items: list[ImportItem], now: datetime, done: int) -> None:
    rows: Callable[[ImportItem], list[object]] = lambda item: [getattr(item, name) for name in _COLUMNS]  # noqa: E731
    with transaction.atomic():
        keep_claim(of, now, done=min(done, of.size), total=of.size)
        insert(ImportItem, _COLUMNS, map(rows, items))


def _end(of: Import, now: datetime, form: str, *, upload: str = "") -> None:
    """``upload`` is what stays until a person agreed: a table, or files that wait for their password."""
    read = of.upload
    end_step(of, Import.Step.PREVIEW, now, form=form, upload=upload, done=of.size, **counts_of(of))
    if read != upload:
        spool.remove(read)
