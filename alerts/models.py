"""Letters to people, what they told of which certificate, and what asked for them: the day, or a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.retry import MOST
from certdash.lib.work import Work, WorkQuerySet
from inventory.models import Certificate

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

# Longer than a mail server may keep one attempt waiting: it has EMAIL_TIMEOUT for each of some ten steps.
LEASE = timedelta(minutes=5)


class MailingQuerySet(WorkQuerySet["Mailing"]):
    def visible_to(self, user: User | AnonymousUser) -> MailingQuerySet:
        """Your own; all for those who see everything."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.sees_everything else self.filter(requested_by=user)


class Mailing(Work):
    """A message from one person to the owners of what a filter finds: written once, one letter for each address."""

    query = models.CharField(max_length=2000, blank=True)
    # The primary keys that were ticked, instead of a query.
    chosen = models.JSONField(null=True, blank=True)
    subject = models.CharField(max_length=150)
    message = models.TextField()
    # What was shown in the preview and agreed to.
    certificates = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64)

    objects = MailingQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail to owners")
        verbose_name_plural = _("mails to owners")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["requested_by", "-created_at"], name="mailing_by_person")]

    def __str__(self) -> str:
        return self.subject


class LetterQuerySet(models.QuerySet["Letter"]):
    def due(self, now: datetime) -> LetterQuerySet:
        """Those to try now. What waits for longer than anything ever waits was put off while a clock was ahead."""
        later = Q(next_try_at__gt=now, next_try_at__lte=now + MOST + LEASE)
        return self.filter(state=Letter.State.WAITING).exclude(later)

    def overdue(self, now: datetime) -> LetterQuerySet:
        return self.filter(state=Letter.State.WAITING, created_at__lt=now - timedelta(hours=1))

    def told_to(self, user: User | AnonymousUser) -> LetterQuerySet:
        """Letters of which this person may know to whom they went: people and addresses of their own teams."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.sees_everything:
            return self
        mine = user.memberships.values("team")
        # An address may be the contact of several teams, of which a letter keeps the first.
        ours = user.memberships.values(address=Lower("team__contact_email"))
        told = Q(person=user) | Q(team__in=mine) | Q(person__memberships__team__in=mine)
        return self.filter(told | Q(recipient__in=ours.exclude(team__contact_email=""))).distinct()


class Letter(models.Model):
    """One mail to one address. Its key is what it is about, so that the same letter is written once.

    It is sent at least once: a claim puts ``next_try_at`` off, so that a worker that dies between sending and noting it
    doubles this one letter, and no other.
    """

    class Kind(models.TextChoices):
        DAILY = "daily", _("daily mail")
        OWNERS = "owners", _("mail to owners")
        OTHER = "other", _("other mail")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    key = models.CharField(max_length=300, unique=True)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    recipient = models.EmailField(_("to"), max_length=254)
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="letters")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="letters")
    mailing = models.ForeignKey(Mailing, null=True, blank=True, on_delete=models.SET_NULL, related_name="letters")
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    certificates: models.ManyToManyField[Certificate, Told] = models.ManyToManyField(
        Certificate, through="Told", related_name="letters"
    )

    objects = LetterQuerySet.as_manager()

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["next_try_at", "id"], condition=Q(state="waiting"), name="letter_waiting"),
            models.Index(fields=["state", "-id"], name="letter_by_state"),
            models.Index(fields=["created_at"], name="letter_by_age"),
        ]

    def __str__(self) -> str:
        return self.subject


class Told(models.Model):
    """That a letter named a certificate."""

    letter = models.ForeignKey(Letter, on_delete=models.CASCADE, related_name="told")
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="told")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["letter", "certificate"], name="told_once_per_letter")]
        indexes = [models.Index(fields=["certificate", "-letter"], name="told_by_certificate")]

    def __str__(self) -> str:
        return f"{self.letter_id} {self.certificate_id}"


class Day(models.Model):
    """The daily mails of one day in the organisation's time zone: written address by address, in their order."""

    day = models.DateField(unique=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    # The last address that is done: a killed worker's successor goes on behind it.
    last_address = models.CharField(max_length=254, blank=True)
    written = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return self.day.isoformat()
