"""Two workers that store the same thing at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, transaction

AGAIN_AT_MOST = 4

Result = TypeVar("Result")


def settled(write: Callable[[], Result]) -> Result:
    """Run a write that looks first and inserts what is missing.

    The loser of a race gets an IntegrityError after the winner committed; looking again, it finds the winner's rows.
    """
    for _ in range(AGAIN_AT_MOST):
        try:
            with transaction.atomic():
                return write()
        except IntegrityError:
            continue
    with transaction.atomic():
        return write()
