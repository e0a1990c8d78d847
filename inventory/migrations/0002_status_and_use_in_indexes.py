# Wider indexes, so that counting by status and use, and searching through names of endpoints, read no row.

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("inventory", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="certificate",
            name="cert_by_expiry",
        ),
        migrations.RemoveIndex(
            model_name="certificate",
            name="cert_by_issuer",
        ),
        migrations.RemoveIndex(
            model_name="certificate",
            name="cert_by_team",
        ),
        migrations.RemoveIndex(
            model_name="endpoint",
            name="endpoint_by_last_seen",
        ),
        migrations.RemoveIndex(
            model_name="endpoint",
            name="endpoint_by_server_name",
        ),
        migrations.RemoveIndex(
            model_name="endpoint",
            name="endpoint_by_service",
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                fields=[
                    "kind",
                    "not_after",
                    "id",
                    "owner_team",
                    "nodes_serving",
                    "not_before",
                    "expiring_from",
                    "revoked_at",
                    "superseded",
                    "served_ever",
                ],
                name="cert_by_expiry",
            ),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                fields=[
                    "issuer",
                    "not_after",
                    "id",
                    "owner_team",
                    "nodes_serving",
                    "not_before",
                    "expiring_from",
                    "revoked_at",
                    "superseded",
                    "served_ever",
                ],
                name="cert_by_issuer",
            ),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                fields=[
                    "owner_team",
                    "kind",
                    "not_after",
                    "id",
                    "nodes_serving",
                    "not_before",
                    "expiring_from",
                    "revoked_at",
                    "superseded",
                    "served_ever",
                ],
                name="cert_by_team",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                fields=["last_seen_at", "id", "schedule_seconds", "outcome", "retired_at", "owner_team"],
                name="endpoint_by_last_seen",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                fields=["server_name", "id", "certificate", "retired_at", "owner_team"], name="endpoint_by_server_name"
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                fields=["service", "id", "certificate", "retired_at", "owner_team"], name="endpoint_by_service"
            ),
        ),
    ]
