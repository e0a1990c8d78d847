"""What a sweep found open that is no endpoint: it was never seen to speak TLS, and nobody named it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from discovery.models.scans import Scan
from inventory.addresses import unpack, with_port

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class CandidateQuerySet(models.QuerySet["Candidate"]):
    def waiting(self) -> CandidateQuerySet:
        """Those that did not become endpoints."""
        return self.filter(became_endpoint_at=None)

    def visible_to(self, user: User | AnonymousUser) -> CandidateQuerySet:
        """Who sees the scan that found it last sees it."""
        if isinstance(user, User) and user.is_active and user.sees_everything:
            return self
        return self.filter(scan__in=Scan.objects.visible_to(user))


class Candidate(models.Model):
    """An open port where something else than TLS answered, or nothing did. It is in no denominator.

    It becomes an endpoint for good as soon as it speaks TLS or somebody names it; the row stays, so that the pages of
    old scans stay true, until it was not seen for so long that ``forget_candidates`` takes it. Silence never makes one.
    """

    zone = models.CharField(max_length=63, default="default")
    address = models.BinaryField(max_length=16)
    port = models.PositiveIntegerField()
    protocol = models.CharField(max_length=12, default="tls")
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=500, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    became_endpoint_at = models.DateTimeField(null=True, blank=True)
    # The last one that saw it.
    scan = models.ForeignKey(Scan, null=True, blank=True, on_delete=models.SET_NULL, related_name="candidates")

    objects = CandidateQuerySet.as_manager()

    class Meta:
        verbose_name = _("candidate")
        verbose_name_plural = _("candidates")
        constraints = [
            models.UniqueConstraint(fields=["zone", "address", "port", "protocol"], name="one_candidate_per_door")
        ]
        indexes = [models.Index(fields=["-last_seen_at", "-id"], name="candidate_by_last_seen")]

    def __str__(self) -> str:
        return self.place

    @property
    def host(self) -> str:
        return unpack(bytes(self.address))

    @property
    def place(self) -> str:
        return with_port(self.host, self.port)
