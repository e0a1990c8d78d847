"""Reports: frozen data and the document made from it, both kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from certdash.lib.work import Work, WorkQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ReportQuerySet(WorkQuerySet["Report"]):
    def visible_to(self, user: User | AnonymousUser) -> ReportQuerySet:
        """A report shows what its author could see, so others see it only if they see everything."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.sees_everything else self.filter(requested_by=user)


class Report(Work):
    """One document about one moment. The data is frozen before it is rendered; same data, same bytes.

    ``data`` is gzip-compressed canonical JSON; ``data_sha256`` is over the uncompressed bytes.
    """

    class Kind(models.TextChoices):
        INVENTORY = "inventory", _("Certificate inventory and expiry")

    kind = models.CharField(max_length=20, choices=Kind, default=Kind.INVENTORY)
    title = models.CharField(max_length=200)
    # The query string of the list that it covers: the same filter as on the page.
    filter = models.CharField(max_length=2000, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    data = models.BinaryField(null=True, blank=True)
    data_sha256 = models.CharField(max_length=64, blank=True)
    pdf = models.BinaryField(null=True, blank=True)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    pdf_size = models.PositiveIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title
