"""Writing and finding many rows in few statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState
from django.db.models.constants import OnConflict

from inventory.models.among import among

__all__ = ["add", "among", "blank", "insert", "insert_rows", "write", "write_values"]
Row = TypeVar("Row", bound=models.Model)


def write(rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Write these columns (foreign keys as ``name_id``) of rows already in the database, by one prepared statement.

    ``bulk_update`` builds an expression per row and column: for some hundred rows that takes seconds.
    """
    chosen = list(rows)
    if chosen:
        write_values(type(chosen[0]), columns, map(attrgetter(*columns, "pk"), chosen))


def write_values(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """As ``write``, where each row is the values of these columns and, last, the primary key."""
    fields = [_column(model, name) for name in columns]
    values = _prepared(fields, rows)
    if not values:
        return
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(_name(field))} = %s" for field in fields)
    table, key = quote(model._meta.db_table), quote(_name(model._meta.pk))
    with connection.cursor() as cursor:
        # Every word of it is the name of a column of ours.
        cursor.executemany(f"UPDATE {table} SET {assignments} WHERE {key} = %s", values)  # noqa: S608


def add(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, key: str) -> None:
    """Insert rows, by one prepared statement; where one is there, its last column grows by that of the new one.

    ``key`` is the unique index that tells so, in our own words of SQL.
    """
    values = [tuple(row) for row in rows]
    if not values:
        return
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    names = [quote(_name(_column(model, name))) for name in columns]
    counted, holes = names[-1], ", ".join(["%s"] * len(names))
    with connection.cursor() as cursor:
        # Every word of it is a name of ours.
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({holes}) "  # noqa: S608
            f"ON CONFLICT {key} DO UPDATE SET {counted} = {table}.{counted} + excluded.{counted}",
            values,
        )


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, or_ignore: bool = False
) -> None:
    """Insert many rows, several times as fast as ``bulk_create``; primary keys are not given back.

    ``columns`` (foreign keys as ``name_id``) are all that the table needs. ``or_ignore`` leaves out rows that exist.
    """
    fields = [_column(model, name) for name in columns]
    prepared = _prepared(fields, rows)
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
        insert(model, names, map(attrgetter(*names), rows))


def blank(model: type[Row], columns: Mapping[str, Any]) -> Row:
    """``model(**columns)`` (foreign keys as ``name_id``) at a tenth of its price, for thousands of rows."""
    constant, computed = _defaults(model)
    row = model.__new__(model)
    made = {field.attname: field.get_default() for field in computed}
    vars(row).update({**constant, **made, **columns, "_state": ModelState()})
    return row


@cache
def _defaults(model: type[models.Model]) -> tuple[dict[str, Any], list[models.Field[Any, Any]]]:
    """What all new rows hold, and the columns whose default is made for each row."""
    fields = model._meta.concrete_fields
    computed = [field for field in fields if field.has_default() and callable(field.default)]
    return {field.attname: field.get_default() for field in fields if field not in computed}, computed


def _prepared(fields: Sequence[models.Field[Any, Any]], rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """The values as the driver takes them; most columns take a value as it is."""
    converters = [(at, convert) for at, field in enumerate(fields) if (convert := _converter(field))]
    prepared = [list(row) for row in rows]
    for values in prepared:
        for at, convert in converters:
            values[at] = convert(values[at])
    return prepared


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{name} is no column of {model._meta.label}")
    return field


def _name(field: models.Field[Any, Any]) -> str:
    return str(field.get_attname_column()[1])


def _converter(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    """None where nothing is to be done; the same moment comes thousands of times, so it is converted once."""
    if isinstance(field, models.DateTimeField):
        # What is aware needs no more preparation than this.
        adapt, prepare = connection.ops.adapt_datetimefield_value, field.get_db_prep_save
        return cache(lambda value: adapt(value) if value and value.tzinfo else prepare(value, connection))
    if isinstance(field, models.JSONField):
        return _json(field)
    if isinstance(field, models.BinaryField):
        return lambda value: field.get_db_prep_save(value, connection)
    return None


def _json(field: models.JSONField[Any, Any]) -> Callable[[Any], Any]:
    """Nearly all are empty, and those are written once. The field itself would only look for expressions first."""
    adapt, encoder = connection.ops.adapt_json_value, field.encoder
    empty = {kind: adapt(kind(), encoder) for kind in (dict, list)}

    def convert(value: Any) -> Any:
        if value is None:
            return None
        return empty[type(value)] if not value and type(value) in empty else adapt(value, encoder)

    return convert
