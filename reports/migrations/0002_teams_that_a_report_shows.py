"""Note whose certificates a report shows, so that its author keeps it only while they may see them."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def close_earlier_reports(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Of reports that are frozen already it is not known: only those who see everything keep them."""
    apps.get_model("reports", "Report").objects.exclude(data=None).update(shows_everything=True)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("reports", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="report",
            name="teams",
            field=models.ManyToManyField(blank=True, related_name="+", to="accounts.team"),
        ),
        migrations.AddField(
            model_name="report", name="teams_shown", field=models.PositiveIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            model_name="report", name="shows_unowned", field=models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField(
            model_name="report", name="shows_everything", field=models.BooleanField(default=False, db_default=False)
        ),
        migrations.RunPython(close_earlier_reports, migrations.RunPython.noop),
    ]
