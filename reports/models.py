"""Reports: frozen data and the document made from it, both kept; and schedules, by which they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import SavedView, Team, User
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
        # What was made for a team is read by its members; all that it shows must be their own, too.
        own = self.filter(Q(requested_by=user) | Q(for_team__in=mine), shows_everything=False).alias(still_seen=still)
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
    # Who may read it, too. It is nothing that the team owns, so it does not keep a team from being removed.
    for_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET(None), related_name="+")
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


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def visible_to(self, user: User | AnonymousUser) -> ScheduleQuerySet:
        """Administrators see all, others their own."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.is_administrator else self.filter(person=user)


class Schedule(models.Model):
    """A report that is made again and again, with the eyes of one person: it shows what they may see at that moment.

    With a team it covers what that team owns, and its members read it. ``problem`` says why the last run made none;
    without ``next_run_at`` it has stopped. ``view_name`` is what was chosen: if its view is gone, nothing else is taken
    in its place.
    """

    class Every(models.TextChoices):
        DAY = "day", _("every day")
        WEEK = "week", _("every week")
        MONTH = "month", _("every month")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("report"), max_length=20, choices=Report.Kind, default=Report.Kind.INVENTORY)
    filter = models.CharField(_("scope"), max_length=2000, blank=True)
    view = models.ForeignKey(SavedView, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    view_name = models.CharField(max_length=100, blank=True)
    every = models.CharField(_("repeat"), max_length=8, choices=Every, default=Every.WEEK)
    # Of the week (1 is Monday) or of the month; by the calendar of the organisation.
    day = models.PositiveSmallIntegerField(_("day"), default=1)
    hour = models.PositiveSmallIntegerField(_("hour"), default=6)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="report_schedules")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField()
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_report = models.ForeignKey(Report, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    problem = models.CharField(max_length=500, blank=True)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = _("report schedule")
        verbose_name_plural = _("report schedules")
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_schedule_per_person_and_name")]

    def __str__(self) -> str:
        return self.name
