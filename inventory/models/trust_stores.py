"""Private roots that the organisation trusts, beside the bundled public ones."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TrustStore(models.Model):
    """A named set of private trust anchors, as PEM. The public set is bundled with the product."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    pem = models.TextField(_("certificates (PEM)"))
    added_at = models.DateTimeField(_("added"))

    class Meta:
        verbose_name = _("trust store")
        verbose_name_plural = _("trust stores")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
