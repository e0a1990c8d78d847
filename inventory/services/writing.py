"""Updating many rows in few statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.constants import OnConflict

Row = TypeVar("Row", bound=models.Model)


def write(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Write these columns (foreign keys as ``name_id``) of rows already in the database, by one prepared statement.

    ``bulk_update`` builds an expression per row and column: for some hundred rows that takes seconds.
    """
    chosen = list(rows)
    if not chosen:
        return
    model = type(chosen[0])
    fields = [_column(model, name) for name in columns]
    convert = [_converter(field) for field in fields]
    values = [
        [*(one(getattr(row, name)) for one, name in zip(convert, columns, strict=True)), row.pk] for row in chosen
    ]
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(_name(field))} = %s" for field in fields)
    table, key = quote(model._meta.db_table), quote(_name(model._meta.pk))
    with connection.cursor() as cursor:
        # Every word of it is the name of a column of ours.
        cursor.executemany(f"UPDATE {table} SET {assignments} WHERE {key} = %s", values)  # noqa: S608


def increase(model: type[models.Model], column: str, by: Mapping[int, int]) -> None:
    """Add to one column of the rows with these primary keys, by one prepared statement."""
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(_name(model._meta.pk))
    counted = quote(_name(_column(model, column)))
    with connection.cursor() as cursor:
        # Every word of it is the name of a column of ours.
        cursor.executemany(
            f"UPDATE {table} SET {counted} = {counted} + %s WHERE {key} = %s",  # noqa: S608
            [(delta, pk) for pk, delta in by.items()],
        )


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, or_ignore: bool = False
) -> None:
    """Insert many rows, several times as fast as ``bulk_create``; primary keys are not given back.

    ``columns`` (foreign keys as ``name_id``) are all that the table needs. ``or_ignore`` leaves out rows that exist.
    """
    fields = [_column(model, name) for name in columns]
    convert = [_converter(field) for field in fields]
    prepared = [[one(value) for one, value in zip(convert, row, strict=True)] for row in rows]
    if not prepared:
        return
    quote = connection.ops.quote_name
    names = ", ".join(quote(_name(field)) for field in fields)
    holes = ", ".join(["%s"] * len(fields))
    verb = connection.ops.insert_statement(on_conflict=OnConflict.IGNORE if or_ignore else None)
    tail = connection.ops.on_conflict_suffix_sql(fields, OnConflict.IGNORE, [], []) if or_ignore else ""
    with connection.cursor() as cursor:
        cursor.executemany(f"{verb} {quote(model._meta.db_table)} ({names}) VALUES ({holes}) {tail}", prepared)


def insert_rows(rows: Sequence[Row]) -> None:
    """Insert model instances as they are, with every column but the primary key."""
    if rows:
        model = type(rows[0])
        names = [field.attname for field in model._meta.concrete_fields if not field.primary_key]
        insert(model, names, ([getattr(row, name) for name in names] for row in rows))


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{name} is no column of {model._meta.label}")
    return field


def _name(field: models.Field[Any, Any]) -> str:
    return str(field.get_attname_column()[1])


def _converter(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """Most columns take the value as it is; the same moment comes thousands of times, so it is converted once."""
    if isinstance(field, models.DateTimeField):
        return cache(lambda value: field.get_db_prep_save(value, connection))
    if isinstance(field, models.JSONField):
        return _json(field)
    if isinstance(field, models.BinaryField):
        return lambda value: field.get_db_prep_save(value, connection)
    return _as_it_is


def _json(field: models.JSONField[Any, Any]) -> Callable[[Any], Any]:
    """Nearly all are empty, and those are written once."""
    empty = {kind: field.get_db_prep_save(kind(), connection) for kind in (dict, list)}
    return lambda value: (
        empty[type(value)] if not value and type(value) in empty else field.get_db_prep_save(value, connection)
    )


def _as_it_is(value: Any) -> Any:
    return value
