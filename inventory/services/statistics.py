"""What the database knows about its own tables, by which it chooses among indexes."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from inventory.models import Endpoint
from inventory.services.totals import ENDPOINTS, numbers

FIRST_MEASURED = 1_000  # endpoints; below that every index is good enough


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
            cursor.execute(f"PRAGMA user_version = {_migrations()}")


def refresh_statistics_if_outgrown() -> bool:
    """Do it before the night if the estate has doubled since, or an upgrade has brought indexes.

    Of indexes never measured SQLite guesses badly: a first scan of a large estate would be recorded at two thirds, and
    judged at a third of the speed.
    """
    if connection.vendor != "sqlite":
        return False
    # The kept total is at most the number of rows, so that this ends.
    alive = numbers(None, ENDPOINTS)[ENDPOINTS].get("total", 0)
    outgrown = alive >= FIRST_MEASURED and (alive >= 2 * _measured() or _upgraded())
    if outgrown:
        refresh_statistics()
    return outgrown


def _measured() -> int:
    """How many endpoints there were when they were measured last."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute("SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = %s", [Endpoint._meta.db_table])
        return cursor.fetchone()[0] or 0


def _upgraded() -> bool:
    """Whether tables or indexes may have changed since they were measured last."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA user_version")  # a number that SQLite keeps for applications
        return bool(cursor.fetchone()[0] != _migrations())


def _migrations() -> int:
    return MigrationRecorder.Migration.objects.count()
