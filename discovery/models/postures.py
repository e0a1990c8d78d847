"""How an endpoint speaks TLS, apart from what it serves."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from inventory.models import Endpoint


class Posture(models.Model):
    """A span in which an endpoint answered one kind of probe with the same version, cipher and key exchange.

    Each kind of probe has spans of its own, because what is agreed depends on what was offered: a light probe after a
    full one is no change. A look that brings no handshake says nothing here and ends nothing; a gap over twice the
    schedule does.
    """

    class Profile(models.TextChoices):
        LIGHT = "light", _("light probe")
        FULL = "full", _("full probe")

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="postures", db_index=False)
    profile = models.CharField(max_length=5, choices=Profile, default=Profile.LIGHT)
    tls_version = models.CharField(max_length=10)
    cipher = models.CharField(max_length=80)
    key_exchange = models.CharField(max_length=40, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    confirmations = models.PositiveIntegerField(default=1)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("posture")
        verbose_name_plural = _("postures")
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "profile"], condition=models.Q(ended_at=None), name="one_open_posture_per_profile"
            )
        ]
        indexes = [models.Index(fields=["endpoint", "-first_seen_at"], name="posture_by_endpoint")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.tls_version} {self.cipher}"
