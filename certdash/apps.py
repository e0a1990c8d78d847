"""The frame as a Django app, so that its commands, template tags and checks are found."""

from django.apps import AppConfig


class CertdashConfig(AppConfig):
    name = "certdash"
    verbose_name = "certdash"
