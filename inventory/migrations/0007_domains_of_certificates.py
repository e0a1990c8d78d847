from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0006_what_people_say_in_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="certificate",
            name="domain_ids",
            field=models.JSONField(blank=True, default=None, null=True),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                condition=models.Q(("domain_ids__isnull", True)), fields=["id"], name="cert_without_domains"
            ),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                condition=models.Q(("is_ca", True)), fields=["issuer", "subject_sha256"], name="cert_ca_by_issuer"
            ),
        ),
    ]
