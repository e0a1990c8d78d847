"""Some rows for each of many values, in one query: however many there are, no more are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeAlias

from django.db import connection, models

Range: TypeAlias = tuple[bytes, bytes]


def few_each(model: type[models.Model], column: str, values: Iterable[Any], most: int, take: str = "id") -> Any:
    """Value → what up to ``most`` rows with it have in the column ``take``; which rows, nobody promises."""
    return _few(model, f"{_quoted(column)} = asked.a", [(value, "") for value in dict.fromkeys(values)], most, take)


def few_between(model: type[models.Model], column: str, ranges: Iterable[Range], most: int) -> Any:
    """The first address of a range → primary keys of up to ``most`` rows whose column lies in it."""
    return _few(model, f"{_quoted(column)} BETWEEN asked.a AND asked.b", list(dict.fromkeys(ranges)), most, "id")


def _few(model: type[models.Model], condition: str, asked: list[tuple[Any, Any]], most: int, take: str) -> Any:
    found: dict[Any, list[Any]] = defaultdict(list)
    if not asked:
        return found
    table, each = _quoted(model._meta.db_table), ", ".join(["(%s, %s)"] * len(asked))
    # Every word of it is the name of a column of ours. SQLite knows no lateral join, PostgreSQL would read the whole
    # table for a subquery that stands in a condition.
    if connection.vendor == "postgresql":
        some = f"SELECT {_quoted(take)} AS taken FROM {table} WHERE {condition} LIMIT {most}"  # noqa: S608
        rest = f"CROSS JOIN LATERAL ({some}) AS found"
    else:
        some = f"SELECT id FROM {table} WHERE {condition} LIMIT {most}"  # noqa: S608
        rest = f"JOIN (SELECT id AS pk, {_quoted(take)} AS taken FROM {table}) AS found ON found.pk IN ({some})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH asked(a, b) AS (VALUES {each}) SELECT asked.a, found.taken FROM asked {rest}",  # noqa: S608
            [part for pair in asked for part in pair],
        )
        for value, taken in cursor.fetchall():
            found[bytes(value) if isinstance(value, memoryview) else value].append(taken)
    return found


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
