"""Which rows hold a text, found by the index of every three characters in a row (a migration makes it)."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from inventory.models import Certificate, CertificateName, Endpoint

# Shorter texts stand in so many names that the first names tell.
_SHORTEST = 3
_WILD = re.compile(r"[*?\[]")


def names_holding(text: str, most: int) -> list[int]:
    """Primary keys of certificates with such a name (compared form), at most so many; some of them may come twice."""
    rows = CertificateName.objects.filter(value__contains=text).order_by().values_list("certificate", flat=True)
    return _ids("certificatename", "value", "certificate_id", text, most, rows)


def called(text: str, most: int) -> list[int]:
    """Primary keys of certificates without any alternative name whose subject is called so."""
    rows = Certificate.objects.filter(names_count=0, name__icontains=text).order_by().values_list("pk", flat=True)
    return _ids("certificate", "name", "id", text, most, rows)


def services_holding(text: str, most: int) -> list[int]:
    """Primary keys of endpoints whose service (it begins with the server name) holds the text."""
    rows = Endpoint.objects.filter(service__contains=text).order_by().values_list("pk", flat=True)
    return _ids("endpoint", "service", "id", text, most, rows)


def _ids(model: str, column: str, wanted: str, text: str, most: int, rows: QuerySet[Any, int]) -> list[int]:
    """``rows`` asks the same of a database that finds its index by itself."""
    if connection.vendor != "sqlite" or len(text) < _SHORTEST:
        return list(rows[:most])
    return _by_trigrams(model, column, wanted, text, most)


def _by_trigrams(model: str, column: str, wanted: str, text: str, most: int) -> list[int]:
    """LIKE without ESCAPE is the only one that this index answers; of texts with its wild cards, GLOB asks.

    What is not in the index yet stands in a list beside it, which is short.
    """
    like = "GLOB" if {"_", "%"} & set(text) else "LIKE"
    pattern = f"%{text}%" if like == "LIKE" else "".join(["*", _WILD.sub(r"[\g<0>]", text), "*"])
    table = f"inventory_{model}"
    # Every word of it is a name of ours.
    sql = (
        f"SELECT rows.{wanted} FROM {table}_text AS texts CROSS JOIN {table} AS rows ON rows.id = texts.rowid "  # noqa: S608
        f"WHERE texts.{column} {like} %s UNION ALL "
        f"SELECT rows.{wanted} FROM {table}_text_new AS fresh CROSS JOIN {table} AS rows ON rows.id = fresh.id "
        f"WHERE rows.{column} {like} %s LIMIT %s"
    )
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql, [pattern, pattern, most])
        return [key for (key,) in cursor]
