"""An index of every three characters in a row, so that a part of a name is found without reading all names.

SQLite: tables of FTS5 that hold no texts of their own. Triggers note the keys of new rows in a list beside each index
(``inventory.services.texts`` moves them into it, many at once: one at a time costs ten times as much) and take removed
ones out. A later migration that makes one of the three tables anew must make its triggers anew, too
(``tests/inventory/test_filters_texts.py`` fails otherwise).
PostgreSQL: pg_trgm. Who may not create the extension has a slower search until an administrator does.
"""

from django.db import migrations, transaction
from django.db.utils import DatabaseError

# Name of the index, table, column, condition.
TEXTS = (
    ("inventory_certificatename_text", "inventory_certificatename", "value", ""),
    # Certificates with names are found by those.
    ("inventory_certificate_text", "inventory_certificate", "name", "names_count = 0"),
    ("inventory_endpoint_text", "inventory_endpoint", "service", ""),
)


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for text in TEXTS:
            _make_on_sqlite(schema_editor, *text)
    elif schema_editor.connection.vendor == "postgresql":
        _make_on_postgresql(schema_editor)


def _make_on_sqlite(schema_editor, index, table, column, condition):
    execute = schema_editor.execute
    held = f" AND {{row}}.{condition}" if condition else ""
    note = f"INSERT OR IGNORE INTO {index}_new(id) SELECT new.id WHERE 1{held.format(row='new')};"
    # What is not in the index must never be taken out of it: FTS5 calls the index damaged then.
    remove = (
        f"INSERT INTO {index}({index}, rowid, {column}) SELECT 'delete', old.id, old.{column} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {index}_new WHERE id = old.id){held.format(row='old')}; "
        f"DELETE FROM {index}_new WHERE id = old.id;"
    )
    columns = [column, *(["names_count"] if condition else [])]
    changed = " OR ".join(f"old.{name} IS NOT new.{name}" for name in columns)
    execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5({column}, content='{table}', content_rowid='id', "
        "tokenize='trigram', detail='none', columnsize=0)"
    )
    execute(f"INSERT INTO {index}(rowid, {column}) SELECT id, {column} FROM {table} WHERE 1{held.format(row=table)}")
    execute(f"CREATE TABLE {index}_new (id INTEGER PRIMARY KEY)")
    execute(f"CREATE TRIGGER {index}_added AFTER INSERT ON {table} BEGIN {note} END")
    execute(f"CREATE TRIGGER {index}_removed AFTER DELETE ON {table} BEGIN {remove} END")
    execute(
        f"CREATE TRIGGER {index}_changed AFTER UPDATE OF {', '.join(columns)} ON {table} WHEN {changed} "
        f"BEGIN {remove} {note} END"
    )


def _make_on_postgresql(schema_editor):
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return
    for index, table, column, condition in TEXTS:
        where = f" WHERE {condition}" if condition else ""
        text = f"UPPER({column}::text)" if condition else column  # as Django asks for it
        schema_editor.execute(f"CREATE INDEX {index} ON {table} USING gin ({text} gin_trgm_ops){where}")


def unmake(apps, schema_editor):
    for index, _table, _column, _condition in TEXTS:
        if schema_editor.connection.vendor == "sqlite":
            for trigger in ("added", "removed", "changed"):
                schema_editor.execute(f"DROP TRIGGER {index}_{trigger}")
            schema_editor.execute(f"DROP TABLE {index}")
            schema_editor.execute(f"DROP TABLE {index}_new")
        elif schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP INDEX IF EXISTS {index}")


class Migration(migrations.Migration):
    dependencies = [("inventory", "0007_domains_of_certificates")]

    operations = [migrations.RunPython(make, unmake, elidable=False)]
