"""Build the database of an earlier state, fill it, migrate it; run in a process of its own on a database of its own.

``python -m tests.migrating record LABEL`` writes the present state into landed_migrations.json.
``python -m tests.migrating from LABEL`` and ``… from zero`` print what came of it as JSON. On the way from zero a copy
of the database is kept at each state that has landed, from which the other processes go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import django
from django.apps.registry import Apps
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField

ROOT = Path(__file__).resolve().parent.parent
LANDED = ROOT / "tests" / "data" / "landed_migrations.json"
# What the index of parts of names keeps for itself; tests/inventory/test_filters_texts.py says what it finds.
_OF_THE_INDEX = re.compile(r"inventory_(certificatename|certificate|endpoint)_text(_[a-z]+)?")
OURS = ("accounts", "inventory", "discovery", "policy", "renewals", "alerts", "reports")

State = dict[str, dict[str, str]]


def landed() -> dict[str, State]:
    """Label → {"last": app → its last migration, "digests": file → SHA-256}."""
    found: dict[str, State] = json.loads(LANDED.read_text(encoding="ascii"))
    return found


def digests() -> dict[str, str]:
    files = sorted(path for app in OURS for path in (ROOT / app).glob("migrations/[0-9]*.py"))
    return {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def present() -> State:
    leaves = MigrationLoader(None).graph.leaf_nodes()
    return {"last": dict(sorted(leaves)), "digests": digests()}


def added_columns() -> dict[str, models.Field[Any, Any]]:
    """The columns that migrations since the first landed state add to tables, by migration, table and name."""
    first = next(iter(landed().values()))["digests"]
    return {
        f"{app}.{name} {operation.model_name}.{operation.name}": operation.field
        for (app, name), migration in MigrationLoader(None).disk_migrations.items()
        if app in OURS and f"{app}/migrations/{name}.py" not in first
        for operation in migration.operations
        if isinstance(operation, AddField)
    }


def record(label: str) -> None:
    states = (landed() if LANDED.exists() else {}) | {label: present()}
    LANDED.write_text(json.dumps(states, indent=2) + "\n", encoding="ascii")


def migrate_from(label: str) -> dict[str, Any]:
    before: dict[str, int] = {}
    tables: list[type[models.Model]] = []
    if label == "zero":
        keep_each_state()
    else:
        executor = MigrationExecutor(connection)
        state = executor.migrate(list(landed()[label]["last"].items()))
        tables = [model for app in OURS for model in models_of(state.apps, app)]
        for model in tables:
            fill(model)
        before = rows()
    call_command("migrate", verbosity=0, interactive=False)
    refused = [problem for model in tables if (problem := write_again(model))]
    return {"before": before, "after": rows(), "schema": schema(), "refused": refused}


def keep_each_state() -> None:
    for label, state in landed().items():
        MigrationExecutor(connection).migrate(list(state["last"].items()))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(kept(settings.VAR, label))])


def kept(folder: Path, label: str) -> Path:
    return folder / f"{label}.sqlite3"


def models_of(apps: Apps, app: str) -> list[type[models.Model]]:
    return list(apps.get_app_config(app).get_models(include_auto_created=True)) if app in apps.app_configs else []


def write_again(model: type[models.Model]) -> str:
    """Insert the row that was filled in once more, with the columns that the version of then knows."""
    row = model._base_manager.get(pk=1)
    try:
        with transaction.atomic():
            model._base_manager.filter(pk=1)._raw_delete(connection.alias)
            row.save(force_insert=True)
    except IntegrityError as error:
        return str(error)
    return ""


def fill(model: type[models.Model]) -> models.Model:
    """The first row of the table, made with a value in every column if there is none."""
    manager = model._base_manager
    found = manager.filter(pk=1).first()
    return found or next(row for row in (attempt(model, values) for values in candidates(model)) if row)


def attempt(model: type[models.Model], values: dict[str, Any]) -> models.Model | None:
    try:
        with transaction.atomic():
            return model._base_manager.create(pk=1, **values)
    except IntegrityError:
        return None


def candidates(model: type[models.Model]) -> Iterator[dict[str, Any]]:
    """All columns filled; then, for rows that may point to one of several things only, each optional one left out."""
    if isinstance(model._meta.pk, models.ForeignKey):
        fill(model._meta.pk.related_model)
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    values = {field.name: value_of(field) for field in fields}
    yield values
    for field in fields:
        if field.null:
            yield values | {field.name: None}


def value_of(field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.ForeignKey):
        return None if field.related_model is field.model else fill(field.related_model)
    if field.choices:
        return next(iter(field.flatchoices))[0]
    return next((value for kind, value in SAMPLES if isinstance(field, kind)), "x")


SAMPLES: list[tuple[type[models.Field[Any, Any]], Any]] = [
    (models.BooleanField, False),
    (models.IntegerField, 1),
    (models.FloatField, 0.5),
    (models.DateTimeField, datetime(2026, 11, 23, tzinfo=UTC)),
    (models.DateField, datetime(2026, 11, 23, tzinfo=UTC).date()),
    (models.TimeField, time(9, 41)),
    (models.DurationField, timedelta(days=1)),
    (models.UUIDField, UUID(int=1)),
    (models.BinaryField, bytes(16)),
    (models.JSONField, {}),
    (models.GenericIPAddressField, "192.0.2.1"),
]


def rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        counts = {}
        for table in connection.introspection.table_names(cursor):
            if _OF_THE_INDEX.fullmatch(table):
                continue
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of tables
            counts[table] = cursor.fetchone()[0]
    return counts


def schema() -> dict[str, Any]:
    """Columns and constraints of every table; their order in the table does not matter."""
    described = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = connection.introspection.get_table_description(cursor, table)
            constraints = connection.introspection.get_constraints(cursor, table)
            described[table] = {
                "columns": sorted([column.name, str(column.type_code), bool(column.null_ok)] for column in columns),
                "constraints": sorted(name for name in constraints if not name.startswith("__")),
            }
    return described


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "certdash.settings")
    django.setup()
    what, which = sys.argv[1:]
    if what == "record":
        record(which)
    else:
        sys.stdout.write(json.dumps(migrate_from(which)))
