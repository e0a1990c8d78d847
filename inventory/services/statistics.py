"""What the database knows about its own tables, by which it chooses among indexes."""

from __future__ import annotations

from django.db import connection


def refresh_statistics() -> None:
    """Let SQLite measure its indexes anew; PostgreSQL does so by itself.

    Whole, at some seconds for a million rows: a sample of each index takes the first value for all of them, and the
    lists of endpoints and of one issuer then walk the wrong index. Table by table, so that writers wait for one only.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA analysis_limit = 0")
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"ANALYZE {connection.ops.quote_name(table)}")
