"""Updating many rows in few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)

# Beyond so many different sets of values, one statement with CASE is cheaper than one statement per set.
SETS_AT_MOST = 12


def write(rows: Iterable[Row], fields: Sequence[str]) -> None:
    """Write these columns of rows already in the database; foreign keys as ``name_id``.

    Rows that get equal values share a statement.
    """
    chosen = list(rows)
    if not chosen:
        return
    sets: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in chosen:
        sets[tuple(getattr(row, name) for name in fields)].append(row.pk)
    manager = type(chosen[0])._default_manager
    if len(sets) > SETS_AT_MOST:
        manager.bulk_update(chosen, [name.removesuffix("_id") for name in fields], batch_size=200)
        return
    for values, pks in sets.items():
        manager.filter(pk__in=pks).update(**dict(zip(fields, values, strict=True)))
