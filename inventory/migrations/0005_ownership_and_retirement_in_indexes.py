# Queues of what nobody owns, and lists without what is retired, read from indexes; totals by how an owner is known.

from django.conf import settings
from django.db import migrations, models
from django.db.models import Count, Q


def count_by_origin(apps, schema_editor):
    certificates = apps.get_model("inventory", "Certificate")._default_manager
    total = apps.get_model("inventory", "Total")
    leaves = certificates.filter(kind="leaf", retired_at=None).order_by()
    counts = {}
    for team, origin, number in leaves.values_list("owner_team", "owner_origin").annotate(Count("pk")):
        word = (origin or "none") if team else ("nobody" if origin == "manual" else "none")
        counts[team, word] = counts.get((team, word), 0) + number
    total._default_manager.filter(Q(dimension="owned")).delete()
    total._default_manager.bulk_create(
        total(owner_team_id=team, dimension="owned", value=word, count=number)
        for (team, word), number in counts.items()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_hour_of_the_daily_mail'),
        ('inventory', '0004_imports_rules_and_bulk_changes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='certificate',
            name='cert_by_worst',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='cert_by_expiry',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='cert_by_issuer',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='cert_by_team',
        ),
        migrations.AddField(
            model_name='ownerquestion',
            name='owner_version',
            field=models.CharField(blank=True, db_default='', default='', max_length=16),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['kind', 'not_after', 'id', 'owner_team', 'nodes_serving', 'not_before', 'expiring_from', 'revoked_at', 'superseded', 'served_ever', 'retired_at'], name='cert_by_expiry'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['kind', 'worst_severity', 'id', 'owner_team', 'retired_at'], name='cert_by_worst'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['issuer', 'not_after', 'id', 'owner_team', 'nodes_serving', 'not_before', 'expiring_from', 'revoked_at', 'superseded', 'served_ever', 'retired_at'], name='cert_by_issuer'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['owner_team', 'kind', 'not_after', 'id', 'nodes_serving', 'not_before', 'expiring_from', 'revoked_at', 'superseded', 'served_ever', 'retired_at'], name='cert_by_team'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['owner_origin', 'kind', 'worst_severity', 'not_after', 'id', 'owner_team', 'retired_at'], name='cert_by_origin'),
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(fields=['owner_origin', 'worst_severity', 'id', 'owner_team', 'retired_at'], name='endpoint_by_origin'),
        ),
        migrations.RunPython(count_by_origin, migrations.RunPython.noop, elidable=True),
    ]
