"""Ownership rules: what follows for everything that a line of conditions fits, in an order that administrators keep."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from inventory.models.standing import Criticality, Environment


class OwnershipRule(models.Model):
    """All conditions that are given must hold; the first rule in order that says something of a field decides it.

    What a person chose is never changed by a rule.
    """

    position = models.PositiveIntegerField(_("position"), db_index=True)
    name = models.CharField(_("name"), max_length=100, unique=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    # Conditions; what is empty is not asked. ``*`` stands for any characters.
    name_pattern = models.CharField(_("name pattern"), max_length=255, blank=True)
    network = models.CharField(_("network"), max_length=100, blank=True)
    issuer_pattern = models.CharField(_("issuer pattern"), max_length=255, blank=True)
    tag = models.CharField(_("tag"), max_length=50, blank=True)
    source_pattern = models.CharField(_("source pattern"), max_length=200, blank=True)
    custom_field = models.CharField(_("custom field"), max_length=100, blank=True)
    custom_value = models.CharField(_("value of the custom field"), max_length=255, blank=True)
    # What it sets; what is empty is left as it is.
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, verbose_name=_("team"))
    environment = models.CharField(_("environment"), max_length=12, choices=Environment, blank=True)
    criticality = models.CharField(_("criticality"), max_length=8, choices=Criticality, blank=True)
    application = models.CharField(_("application"), max_length=100, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    applied_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("ownership rule")
        verbose_name_plural = _("ownership rules")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
