"""The frame as a Django app, so that its commands, template tags and checks are found."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from certdash import checks

# Sent as a statement, because a pool of connections may refuse settings at the start of one.
PLANNING = (
    # Our statements take milliseconds. Of one whose cost is guessed too high, compiling would take seconds.
    "SET jit = off; "
    # A line about a finding joins ten tables. Above this number the order of joins is not thought about, and every
    # line of the estate would be joined before the condition is asked.
    "SET join_collapse_limit = 16; SET from_collapse_limit = 16"
)


class CertdashConfig(AppConfig):
    name = "certdash"
    verbose_name = "certdash"
    # Importing them registers them.
    checks = checks

    def ready(self) -> None:
        connection_created.connect(plan_well, dispatch_uid="certdash.plan_well")


def plan_well(connection: BaseDatabaseWrapper, **_rest: Any) -> None:
    """Tell PostgreSQL what kind of statements come; SQLite needs no word."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(PLANNING)
