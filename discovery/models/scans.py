"""Runs: a scan, and the shards that workers take from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from certdash.lib.work import Work, WorkQuerySet
from discovery.models.sources import Source, Zone

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ScanQuerySet(WorkQuerySet["Scan"]):
    def visible_to(self, user: User | AnonymousUser) -> ScanQuerySet:
        """Administrators and auditors see every scan, others those they asked for or whose source is their team's."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.sees_everything:
            return self
        mine = models.Q(requested_by=user)
        return self.filter(mine | models.Q(source__owner_team__in=user.memberships.values("team")))


class Tally(models.Model):
    """Counts of places asked: ``asked`` is always the sum of the five answers below it and of what is not tried yet."""

    asked = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    silent = models.PositiveIntegerField(default=0)
    excluded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    certificates = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def tried(self) -> int:
        return self.answered + self.refused + self.silent + self.excluded + self.failed

    @property
    def not_tried(self) -> int:
        return max(0, self.asked - self.tried)


class Scan(Work, Tally):
    """One run of one source, or of what a person asked for once. ``done`` of ``total`` counts shards."""

    class Kind(models.TextChoices):
        SCAN = "scan", _("scan")
        CHECK = "check", _("check now")  # one place, asked at once because a person waits
        VERIFY = "verify", _("verification")  # known endpoints, asked again

    kind = models.CharField(max_length=6, choices=Kind, default=Kind.SCAN)
    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.SET_NULL, related_name="scans")
    title = models.CharField(max_length=300)
    # What was asked, frozen: targets, exclusions, ports, server_names, rate_limit, schedule_seconds; or, where single
    # known endpoints are asked again, places (a list of [address, port, server name, protocol]).
    plan = models.JSONField(default=dict)
    engine = models.CharField(max_length=8, choices=Source.Engine, default=Source.Engine.OWN)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="scans")
    # Whether what it proved stands in Coverage.
    is_noted = models.BooleanField(default=False, db_default=False)
    cancelled_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ScanQuerySet.as_manager()

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "id"], name="scan_by_status"),
            models.Index(fields=["finished_at"], condition=models.Q(is_noted=False), name="scan_not_noted"),
        ]

    def __str__(self) -> str:
        return self.title

    def endpoint_ids(self) -> set[int]:
        """The endpoints that this scan looked at, whatever others looked at meanwhile."""
        return {pk for one in self.shards.values_list("endpoints", flat=True) for pk in one}

    def candidate_ids(self) -> set[int]:
        """The open ports without TLS that this scan found."""
        return {pk for one in self.shards.values_list("candidates", flat=True) for pk in one}


class ScanShardQuerySet(WorkQuerySet["ScanShard"]):
    """Shards are reached through their scan; they have no visibility of their own."""


class ScanShard(Work, Tally):
    """Some hundreds of places of one scan, done by one worker in one event loop.

    While the shard waits, ``claim_until`` in the future means that it was handed to the queue. Counts and ``recorded``
    are written in the transaction that records the answers they count, so a successor of a killed worker asks only what
    is missing and counts nothing twice.
    """

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    # Which places of the scan's plan, in the plan's own order: numbers from ``first`` up to, not including, ``last``.
    first = models.PositiveBigIntegerField(default=0)
    last = models.PositiveBigIntegerField(default=0)
    # One bit per place, as a hexadecimal number: set when its answer stands in the database.
    recorded = models.TextField(default="0")
    # Primary keys of certificates: seen at the places asked, first stored here, displaced here.
    seen = models.JSONField(default=list)
    stored = models.JSONField(default=list)
    lost = models.JSONField(default=list)
    # Primary keys of what was looked at here: endpoints that were or became known, and open ports that are none.
    endpoints = models.JSONField(default=list, db_default=[])
    candidates = models.JSONField(default=list, db_default=[])

    objects = ScanShardQuerySet.as_manager()

    class Meta:
        verbose_name = _("shard")
        verbose_name_plural = _("shards")
        ordering = ["scan_id", "number"]
        constraints = [models.UniqueConstraint(fields=["scan", "number"], name="one_shard_per_number")]
        indexes = [models.Index(fields=["status", "id"], name="shard_by_status")]

    def __str__(self) -> str:
        return f"shard {self.number} of scan {self.scan_id}"
