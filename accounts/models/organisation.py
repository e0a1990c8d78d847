"""The organisation, the first-run token, and the record of what ran by the clock."""

from __future__ import annotations

from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


class Organisation(models.Model):
    """The one organisation of this installation (always row 1)."""

    name = models.CharField(_("name"), max_length=100, default="My organisation")
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    base_url = models.URLField(_("address of this dashboard"), blank=True)
    set_up_at = models.DateTimeField(null=True, blank=True, editable=False)
    daily_mail_hour = models.PositiveSmallIntegerField(
        _("hour of the daily mail"),
        default=7,
        db_default=7,
        validators=[MaxValueValidator(23)],
        help_text=_("0 to 23, in the time zone of the organisation."),
    )

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisation")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_organisation")]

    def __str__(self) -> str:
        return self.name


class SetupToken(models.Model):
    """Permission to set up the installation, or to take over an account, once.

    Only the SHA-256 of the token is kept. Without ``user`` it opens the first-run pages.
    """

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="setup_tokens")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token of {self.created_at:%Y-%m-%d %H:%M}"

    def is_open(self, now: datetime) -> bool:
        return self.used_at is None and now < self.expires_at


class TickRun(models.Model):
    """The last run of one thing that runs by the clock, in one zone. A tick that did not run is a fault."""

    name = models.CharField(max_length=50)
    zone = models.CharField(max_length=63, default="default")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "zone"], name="one_tick_run_per_name_and_zone")]

    def __str__(self) -> str:
        return f"{self.name} in {self.zone}"
