"""Chains as sent: an ordered list of certificates, shared by all endpoints that send the same."""

from __future__ import annotations

from django.db import models

from inventory.models.certificates import Certificate


class Chain(models.Model):
    """One list of certificates in the order in which a server sent it, right or wrong.

    ``sha256`` is the digest over the certificates' digests in their order.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    length = models.PositiveSmallIntegerField()
    leaf = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="chains_as_leaf")
    certificates = models.ManyToManyField(Certificate, through="ChainLink", related_name="chains")

    def __str__(self) -> str:
        return self.sha256[:12]


class ChainLink(models.Model):
    """One certificate at one position of a chain (0 is what the server calls its leaf)."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="links")
    position = models.PositiveSmallIntegerField()
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="links")

    class Meta:
        ordering = ["chain_id", "position"]
        constraints = [models.UniqueConstraint(fields=["chain", "position"], name="one_link_per_position")]

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.position}"
