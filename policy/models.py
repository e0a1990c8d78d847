"""Findings: something wrong with one certificate or endpoint, with a life of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from inventory.models import Certificate, Endpoint, Severity

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: User | AnonymousUser) -> FindingQuerySet:
        """A finding is visible to whoever may see the thing that it is about."""
        if isinstance(user, User) and user.is_active and user.sees_everything:
            return self
        certificates = Certificate.objects.visible_to(user)
        endpoints = Endpoint.objects.visible_to(user)
        return self.filter(Q(certificate__in=certificates) | Q(endpoint__in=endpoints))

    def open(self) -> FindingQuerySet:
        return self.filter(closed_at=None)

    def of_teams(self, slugs: list[str], *, unowned: bool) -> FindingQuerySet:
        """Findings about what one of these teams owns, or (``unowned``) what nobody owns."""
        owned = Q(certificate__owner_team__slug__in=slugs) | Q(endpoint__owner_team__slug__in=slugs)
        if not unowned:
            return self.filter(owned)
        about_certificate = Q(endpoint=None, certificate__owner_team=None)
        return self.filter(owned | about_certificate | Q(certificate=None, endpoint__owner_team=None))


class Finding(models.Model):
    """One rule broken by one subject: an endpoint, or a certificate wherever it is.

    It is resolved only by a newer look that shows the opposite (``observed``); the other closing words say that the
    question went away unanswered.
    """

    class Closing(models.TextChoices):
        OBSERVED = "observed", _("seen to be right")
        UNREACHABLE = "unreachable", _("could not be looked at")
        RETIRED = "retired", _("retired")
        RULE_OFF = "rule_off", _("rule switched off")
        REPLACED = "replaced", _("no longer served")
        OVERTAKEN = "overtaken", _("another rule took over")

    rule = models.CharField(max_length=40)
    certificate = models.ForeignKey(
        Certificate, null=True, blank=True, on_delete=models.CASCADE, related_name="findings"
    )
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    severity = models.PositiveSmallIntegerField(choices=Severity)
    sentence = models.CharField(max_length=500)
    evidence = models.JSONField(default=dict, blank=True)
    opened_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closing = models.CharField(max_length=12, choices=Closing, blank=True)
    reopened = models.PositiveIntegerField(default=0)
    reopened_at = models.DateTimeField(null=True, blank=True)
    # When time alone will change the answer; None if only a new fact can.
    changes_at = models.DateTimeField(null=True, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.CheckConstraint(condition=Q(certificate=None) ^ Q(endpoint=None), name="finding_about_one_thing"),
            models.UniqueConstraint(
                fields=["rule", "certificate"],
                condition=Q(endpoint=None),
                name="one_finding_per_rule_and_certificate",
            ),
            models.UniqueConstraint(
                fields=["rule", "endpoint"],
                condition=Q(certificate=None),
                name="one_finding_per_rule_and_endpoint",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-severity", "opened_at", "id"],
                condition=Q(closed_at=None),
                name="open_finding_by_severity",
            ),
            models.Index(fields=["rule", "closed_at"], name="finding_by_rule"),
            models.Index(fields=["changes_at"], name="finding_by_change"),
        ]

    def __str__(self) -> str:
        return self.sentence
