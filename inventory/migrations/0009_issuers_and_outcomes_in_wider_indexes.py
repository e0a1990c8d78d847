"""Indexes from which an estate of a million certificates is counted by issuer and by outcome without reading its rows."""

import django.db.models.deletion
from django.db import migrations, models

_COUNTED_BY = ["nodes_serving", "not_before", "expiring_from", "revoked_at", "superseded", "served_ever", "retired_at"]


def drop_narrow_index(apps, schema_editor):
    """By its columns, as its name is made by Django; altering the field would make the whole table anew on SQLite."""
    connection, table = schema_editor.connection, "inventory_certificate"
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    for name, made in found.items():
        is_plain = made["index"] and not made["unique"] and not made["primary_key"] and not made["foreign_key"]
        if is_plain and made["columns"] == ["issuer_id"]:
            schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")


def make_narrow_index(apps, schema_editor):
    schema_editor.execute("CREATE INDEX inventory_certificate_issuer_id ON inventory_certificate (issuer_id)")


class Migration(migrations.Migration):
    dependencies = [("inventory", "0008_texts_in_an_index")]

    operations = [
        migrations.RemoveIndex(model_name="certificate", name="cert_by_issuer"),
        migrations.RemoveIndex(model_name="certificate", name="cert_by_team"),
        migrations.RemoveIndex(model_name="endpoint", name="endpoint_by_outcome"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="certificate",
                    name="issuer",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="certificates",
                        to="inventory.issuer",
                    ),
                )
            ],
            database_operations=[migrations.RunPython(drop_narrow_index, make_narrow_index)],
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                fields=["issuer", "kind", "not_after", "id", "owner_team", *_COUNTED_BY, "key_label"],
                name="cert_by_issuer",
            ),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                fields=["owner_team", "kind", "not_after", "id", *_COUNTED_BY, "issuer", "key_label"],
                name="cert_by_team",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                fields=["outcome", "retired_at", "id", "owner_team", "last_seen_at", "schedule_seconds"],
                name="endpoint_by_outcome",
            ),
        ),
    ]
