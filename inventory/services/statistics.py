"""What the database knows about its own tables, by which it chooses among indexes."""

from __future__ import annotations

from django.db import connection


def refresh_statistics() -> None:
    """Let SQLite measure its indexes anew; PostgreSQL does so by itself."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # Bounded: it samples each index instead of reading it whole.
            cursor.execute("PRAGMA analysis_limit = 1000")
            cursor.execute("ANALYZE")
