"""Two workers that store the same thing at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import QuerySet

AGAIN_AT_MOST = 4
PAUSE_SECONDS = 0.1
DEADLOCK = "40P01"

Result = TypeVar("Result")


def settled(write: Callable[[], Result], *, is_first: bool = False) -> Result:
    """Run a write that looks first and inserts what is missing.

    The loser of a race gets an IntegrityError after the winner committed; looking again, it finds the winner's rows.
    ``is_first``: its transaction locked nothing before. Then whom the database chose to end a deadlock looks again,
    too: going back to the savepoint frees all that the other one waits for.
    """
    for _ in range(AGAIN_AT_MOST):
        try:
            with transaction.atomic():
                return write()
        except (IntegrityError, OperationalError) as error:
            if not _has_lost(error, is_first=is_first):
                raise
            if not isinstance(error, IntegrityError):
                # The other one wakes, and takes what was freed, before it is taken again.
                time.sleep(PAUSE_SECONDS)
    with transaction.atomic():
        return write()


def _has_lost(error: DatabaseError, *, is_first: bool) -> bool:
    return isinstance(error, IntegrityError) or (is_first and getattr(error.__cause__, "sqlstate", None) == DEADLOCK)


def hold(rows: QuerySet[Any, Any]) -> None:
    """Lock these rows in the order of their keys, so that workers wait for each other in a line and not in a circle.

    No key of theirs changes, so others may refer to them meanwhile. Where writers take turns (SQLite) it asks nothing.
    """
    if connection.features.has_select_for_update:
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def hold_free(rows: QuerySet[Any, Any]) -> list[int]:
    """Lock those of these rows that no other worker holds, without waiting, and return their keys."""
    free = rows.order_by("pk").select_for_update(no_key=True, skip_locked=True)
    return list(free.values_list("pk", flat=True))
