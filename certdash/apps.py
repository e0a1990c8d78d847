"""The frame as a Django app, so that its commands, template tags and checks are found."""

from django.apps import AppConfig

from certdash import checks


class CertdashConfig(AppConfig):
    name = "certdash"
    verbose_name = "certdash"
    # Importing them registers them.
    checks = checks
