"""Registrable domains: what an organisation registered, under which its names stand."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from inventory.models.certificates import Certificate


class Domain(models.Model):
    """One registrable domain ("example.co.uk"), as A-label, by the public suffix list that came with this version."""

    name = models.CharField(max_length=255, unique=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DomainCertificate(models.Model):
    """A certificate has at least one name under a domain."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="carried")
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="domains")
    has_wildcard = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "certificate"], name="one_row_per_domain_and_certificate")
        ]

    def __str__(self) -> str:
        return f"{self.domain_id} {self.certificate_id}"
