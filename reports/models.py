"""Reports: frozen data and the document made from it, both kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from certdash.lib.work import Work, WorkQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ReportQuerySet(WorkQuerySet["Report"]):
    def visible_to(self, user: User | AnonymousUser) -> ReportQuerySet:
        """A report shows what its author could see when its data was frozen.

        Others see it only if they see everything; its author only while they may see all that it shows: who left one
        of its teams, or no longer sees everything, has lost it.
        """
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.sees_everything:
            return self
        mine = user.memberships.values("team")
        between: Any = Report.teams.through  # a model that no file declares
        shown = between.objects.filter(report=OuterRef("pk"), team__in=mine).order_by()
        number = shown.values("report").annotate(number=Count("pk")).values("number")
        still = Coalesce(Subquery(number), 0)
        own = self.filter(requested_by=user, shows_everything=False).alias(still_seen=still)
        # A team that was removed is missing among those that are still seen: the report stays closed.
        own = own.filter(still_seen=F("teams_shown"))
        return own.filter(shows_unowned=False) if settings.HIDE_UNOWNED else own


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
    # Whose certificates stand in the data, so that who may no longer see them does not see them here.
    teams = models.ManyToManyField(Team, blank=True, related_name="+")
    teams_shown = models.PositiveIntegerField(default=0, db_default=0)
    shows_unowned = models.BooleanField(default=False, db_default=False)
    shows_everything = models.BooleanField(default=False, db_default=False)
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
