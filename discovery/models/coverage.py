"""What the last run proved of a source, and of a network."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from discovery.models.scans import Scan
from discovery.models.sources import Network, Source


class Coverage(models.Model):
    """The last ended look at one source, or at one network: written when a scan has ended, not by time.

    What it is worth now is decided when it is read: ``discovery.reasons``.
    """

    source = models.OneToOneField(Source, null=True, blank=True, on_delete=models.CASCADE, related_name="coverage")
    network = models.OneToOneField(Network, null=True, blank=True, on_delete=models.CASCADE, related_name="coverage")
    scan = models.ForeignKey(Scan, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    # None: nothing looks there regularly.
    every_seconds = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    # Whether every address of the network was asked, those that may never be connected to left aside.
    is_whole = models.BooleanField(default=True)
    answered = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    missed = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("coverage")
        verbose_name_plural = _("coverage")
        constraints = [
            models.CheckConstraint(condition=Q(source=None) ^ Q(network=None), name="coverage_of_one_thing"),
        ]

    def __str__(self) -> str:
        return str(self.source or self.network)
