"""Files that people brought in: what stood in them, what became of it, and how to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.work import Work, WorkQuerySet
from inventory.models.certificates import Certificate
from inventory.models.endpoints import Endpoint

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ImportMapping(models.Model):
    """Which column of a table means what, kept under a name for the next file of the same kind."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    # Our field → heading of the column.
    columns = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("column mapping")
        verbose_name_plural = _("column mappings")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ImportQuerySet(WorkQuerySet["Import"]):
    def visible_to(self, user: User | AnonymousUser) -> ImportQuerySet:
        """Your own; all for those who see everything."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.sees_everything else self.filter(requested_by=user)


class Import(Work):
    """One file, or one pasted text. Each step is one claim: reading, then storing after a person agreed, then undoing.

    The upload lies in ``var/imports`` only until it was read; what was found in it lies in the items. Nothing that
    looks like a private key is ever kept.
    """

    class Step(models.TextChoices):
        READING = "reading", _("being read")
        MAPPING = "mapping", _("waits for its columns to be named")
        PREVIEW = "preview", _("waits for your word")
        STORING = "storing", _("being stored")
        STORED = "stored", _("stored")
        UNDOING = "undoing", _("being taken back")
        UNDONE = "undone", _("taken back")
        DROPPED = "dropped", _("dropped")

    step = models.CharField(max_length=10, choices=Step, default=Step.READING)
    name = models.CharField(max_length=200)
    # What the reader recognised: "certificates", "spreadsheet", "lemur" and so on.
    form = models.CharField(max_length=20, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    # Where the upload lies until it was read; a name inside var/imports.
    upload = models.CharField(max_length=100, blank=True)
    columns = models.JSONField(default=dict, blank=True)
    headings = models.JSONField(default=list, blank=True)
    # Of a table, by name: teams and tags that storing it would make, fields of one's own that it fills, tags it made.
    makes = models.JSONField(null=True, blank=True)
    # Whose what is new becomes, unless a rule or a row says otherwise.
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    new = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    applied = models.PositiveIntegerField(default=0)
    stored_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    # Who began it where no account did, as far as it was asked (``name_beginners``).
    began_by = ""

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["requested_by", "-id"], name="import_by_person")]

    def __str__(self) -> str:
        return self.name

    @property
    def brought_nothing(self) -> bool:
        """It ended without a fault, and all that was in it was refused."""
        return self.step == self.Step.STORED and not (self.new or self.known or self.waiting or self.applied)


class ImportItem(models.Model):
    """One thing in a file: a certificate, a row about a place, or something that was refused, with where it stood."""

    class Outcome(models.TextChoices):
        NEW = "new", _("new")
        KNOWN = "known", _("known already")
        PARTIAL = "partial", _("stored in part")
        REFUSED = "refused", _("refused")
        # A row of a table about a place.
        MATCHED = "matched", _("matches what is known")
        WAITING = "waiting", _("waits for a scan to find it")

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    # Path inside the archive, and where in that file: bytes for certificates, the row for tables.
    path = models.CharField(max_length=500, blank=True)
    offset = models.PositiveBigIntegerField(default=0)
    label = models.CharField(max_length=255, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome)
    reason = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # Between reading and storing only.
    der = models.BinaryField(null=True, blank=True)
    certificate = models.ForeignKey(Certificate, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # A row of a table: the place as compared (A-label or packed address as text), and what it says of it.
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    data = models.JSONField(default=dict, blank=True)
    # Whether storing made the certificate, and what was written over: for taking it back.
    made = models.BooleanField(default=False)
    before = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("item of an import")
        verbose_name_plural = _("items of imports")
        ordering = ["of_id", "position"]
        constraints = [models.UniqueConstraint(fields=["of", "position"], name="one_item_per_position")]
        indexes = [
            models.Index(fields=["of", "outcome", "position"], name="import_item_by_outcome"),
            models.Index(fields=["sha256"], condition=~Q(sha256=""), name="import_item_by_sha256"),
            models.Index(fields=["host", "port"], condition=Q(outcome="waiting"), name="import_item_waiting"),
            models.Index(fields=["host"], condition=~Q(host=""), name="import_item_by_host"),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.path} {self.offset}"


class ImportTouch(models.Model):
    """What one row of a table changed on one endpoint or certificate, for taking it back."""

    item = models.ForeignKey(ImportItem, on_delete=models.CASCADE, related_name="touched")
    certificate = models.ForeignKey(Certificate, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(certificate=None) ^ Q(endpoint=None), name="touch_of_one_thing")
        ]

    def __str__(self) -> str:
        return f"{self.item_id}"
