"""What looking saw: spans of time in which an endpoint behaved in one way."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from discovery.models.scans import Scan
from inventory.models import Chain, Endpoint, ServedChain


class Observation(models.Model):
    """A span in which an endpoint gave the same answer each time it was asked.

    The same answer again moves ``last_seen_at``, counts a confirmation and keeps the largest gap between two looks. A
    failed attempt, another answer, or a gap over twice the schedule ends the span (``ended_at``) and begins another.
    Nothing here changes with time alone.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="observations")
    variant = models.CharField(max_length=8, choices=ServedChain.Variant, default=ServedChain.Variant.DEFAULT)
    outcome = models.CharField(max_length=16, choices=Endpoint.Outcome)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    chain = models.ForeignKey(Chain, null=True, blank=True, on_delete=models.PROTECT, related_name="observations")
    tls_version = models.CharField(max_length=10, blank=True)
    cipher = models.CharField(max_length=80, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    confirmations = models.PositiveIntegerField(default=1)
    largest_gap_seconds = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    scan = models.ForeignKey(Scan, null=True, blank=True, on_delete=models.SET_NULL, related_name="observations")

    class Meta:
        verbose_name = _("observation")
        verbose_name_plural = _("observations")
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "variant"],
                condition=models.Q(ended_at=None),
                name="one_open_observation_per_variant",
            )
        ]
        indexes = [
            models.Index(fields=["endpoint", "-first_seen_at"], name="observation_by_endpoint"),
            models.Index(fields=["scan", "-id"], name="observation_by_scan"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.outcome}"
