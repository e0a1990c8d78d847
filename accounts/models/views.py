"""Saved views of lists, and calendars that other programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Team, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User | AnonymousUser) -> SavedViewQuerySet:
        """Your own, those of your teams, and those for everybody."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        mine = Q(owner=user, audience=SavedView.Audience.PRIVATE)
        teams = Q(audience=SavedView.Audience.TEAM, team__in=user.memberships.values("team"))
        return self.filter(mine | teams | Q(audience=SavedView.Audience.EVERYONE))


class SavedView(models.Model):
    """A list with its filter, order and columns, under a name.

    It holds a question, never an answer: who opens it sees what they may see. A default view is what the list shows
    when nothing was asked: the person's own comes before the team's, that before everybody's.
    """

    class Audience(models.TextChoices):
        PRIVATE = "private", _("Only me")
        TEAM = "team", _("A team")
        EVERYONE = "everyone", _("Everyone")

    class Page(models.TextChoices):
        CERTIFICATES = "certificates", _("Certificates")
        ENDPOINTS = "endpoints", _("Endpoints")
        ISSUERS = "issuers", _("Issuers")
        DOMAINS = "domains", _("Domains")
        FINDINGS = "findings", _("Findings")

    page = models.CharField(_("list"), max_length=12, choices=Page)
    name = models.CharField(_("name"), max_length=100)
    query = models.CharField(_("filter"), max_length=2000, blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    audience = models.CharField(_("for"), max_length=8, choices=Audience, default=Audience.PRIVATE)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="saved_views")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="saved_views")
    is_default = models.BooleanField(_("opens by default"), default=False)
    created_at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["page", "name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(audience="private", owner__isnull=False, team=None)
                | Q(audience="team", team__isnull=False)
                | Q(audience="everyone", team=None),
                name="view_for_somebody",
            ),
            models.UniqueConstraint(
                fields=["page", "name", "owner"], condition=Q(audience="private"), name="one_private_view_per_name"
            ),
            models.UniqueConstraint(
                fields=["page", "name", "team"], condition=Q(audience="team"), name="one_team_view_per_name"
            ),
            models.UniqueConstraint(
                fields=["page", "name"], condition=Q(audience="everyone"), name="one_view_for_everyone_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CalendarFeed(models.Model):
    """An address that a calendar program reads without signing in, as one person, until it is withdrawn.

    Only the SHA-256 of its token is kept. It shows what that person may see at the moment of reading.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    view = models.ForeignKey(SavedView, null=True, blank=True, on_delete=models.CASCADE, related_name="feeds")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_read_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("calendar feed")
        verbose_name_plural = _("calendar feeds")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"feed of {self.user_id}"
