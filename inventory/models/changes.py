"""Changes of many things at once, and questions about owners that go out to people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.work import Work, WorkQuerySet
from inventory.models.certificates import Certificate

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class BulkChangeQuerySet(WorkQuerySet["BulkChange"]):
    def visible_to(self, user: User | AnonymousUser) -> BulkChangeQuerySet:
        """Your own; all for those who see everything."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.sees_everything else self.filter(requested_by=user)


class BulkChange(Work):
    """One change of all certificates or endpoints that a filter finds, in batches, as one audit event."""

    class Subject(models.TextChoices):
        CERTIFICATES = "certificates", _("certificates")
        ENDPOINTS = "endpoints", _("endpoints")

    class Kind(models.TextChoices):
        OWNER = "owner", _("change the owner")
        DETAILS = "details", _("change details")
        TAGS = "tags", _("change tags")
        RETIRE = "retire", _("retire")
        UNRETIRE = "unretire", _("take back into service")
        RULES = "rules", _("apply the ownership rules")
        UNDO = "undo", _("take a change back")

    subject = models.CharField(max_length=12, choices=Subject)
    kind = models.CharField(max_length=8, choices=Kind)
    # The query string of the list, or the primary keys that were ticked.
    query = models.CharField(max_length=2000, blank=True)
    chosen = models.JSONField(default=list, blank=True)
    change = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    changed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    # The largest primary key that is done: a killed worker's successor goes on behind it.
    last_pk = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    # The change that this one takes back.
    undoes = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="undone_by")

    objects = BulkChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("bulk change")
        verbose_name_plural = _("bulk changes")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_subject_display()}"


class Stood(models.Model):
    """What rows said of their owner and of the details that rules set, each answer once: many rows say the same."""

    digest = models.CharField(max_length=64, unique=True)
    said = models.JSONField()

    def __str__(self) -> str:
        return self.digest


class ChangedRow(models.Model):
    """How one certificate or endpoint (``row``, its primary key) stood before and after a change, to take it back."""

    work = models.ForeignKey(BulkChange, on_delete=models.CASCADE, related_name="rows", db_index=False)
    row = models.BigIntegerField()
    before = models.ForeignKey(Stood, on_delete=models.PROTECT, related_name="+", db_index=False)
    after = models.ForeignKey(Stood, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("changed row")
        verbose_name_plural = _("changed rows")
        constraints = [models.UniqueConstraint(fields=["work", "row"], name="changed_row_once")]

    def __str__(self) -> str:
        return f"{self.work_id}/{self.row}"


class OwnerQuestion(models.Model):
    """“Is this yours?”: one certificate, one address, one secret link that works once. Only its SHA-256 is kept."""

    class Answer(models.TextChoices):
        YES = "yes", _("yes, it is ours")
        NO = "no", _("no, it is not ours")

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="owner_questions")
    email = models.EmailField(_("e-mail"), max_length=254)
    # Whose it becomes after a "yes".
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    message = models.CharField(_("message"), max_length=1000, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    # Whose it was when the question went out (``version_of``): what changed since is not overwritten by an answer.
    owner_version = models.CharField(max_length=16, blank=True, default="", db_default="")
    asked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=3, choices=Answer, blank=True)
    answered_by = models.CharField(_("name"), max_length=150, blank=True)
    note = models.CharField(_("note"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("question about an owner")
        verbose_name_plural = _("questions about owners")
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["certificate", "-asked_at"], name="question_by_certificate")]

    def __str__(self) -> str:
        return self.email

    def is_open(self, now: datetime) -> bool:
        return self.answered_at is None and self.withdrawn_at is None and now < self.expires_at
