"""New names go into the index of parts of names, many at once."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Model

from inventory.models import Certificate, CertificateName, Endpoint

# As the migration made them. The column of each index is that of its table.
_COLUMNS: Mapping[type[Model], str] = {CertificateName: "value", Certificate: "name", Endpoint: "service"}


def index_texts(*models: type[Model]) -> None:
    """Move what triggers noted into the index. Called where many rows were written; what is noted is found, too.

    PostgreSQL keeps its index by itself.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        for model in models:
            table, column = model._meta.db_table, _COLUMNS[model]
            # Every word of it is a name of ours.
            cursor.execute(
                f"INSERT INTO {table}_text(rowid, {column}) SELECT rows.id, rows.{column} "  # noqa: S608
                f"FROM {table}_text_new AS fresh CROSS JOIN {table} AS rows ON rows.id = fresh.id"
            )
            cursor.execute(f"DELETE FROM {table}_text_new")  # noqa: S608 - as above
