"""Findings, something wrong with one certificate or endpoint, with a life of its own; and what could not be judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from inventory.models import Certificate, Endpoint, Severity
from policy.rules import CATALOGUE, ENDPOINT_RULES, Rule, Subject
from policy.rules import Severity as RuleSeverity

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def rule_of(code: str) -> Rule:
    """The rule that a row names, or what can still be said of one that this version does not have any more."""
    return CATALOGUE.get(code) or Rule(
        code=code,
        title=code,
        subject=Subject.CERTIFICATE,
        severity=RuleSeverity.LOW,
        due_days=0,
        why=gettext("This version of certdash has no such rule any more."),
        remedy=(),
        source="",
    )


Row = TypeVar("Row", bound=models.Model)


class AboutQuerySet(models.QuerySet[Row], Generic[Row]):
    """Rows about one certificate or one endpoint each."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Visible to whoever may see the thing that it is about."""
        if isinstance(user, User) and user.is_active and user.sees_everything:
            return self
        certificates = Certificate.objects.visible_to(user)
        endpoints = Endpoint.objects.visible_to(user)
        return self.filter(Q(certificate__in=certificates) | Q(endpoint__in=endpoints))

    def about_certificate(self, certificate: Certificate) -> Self:
        """About it and about the endpoints that serve it."""
        # As one set: PostgreSQL reads the whole table for two that stand beside each other with OR.
        rows = self.model._default_manager.order_by()
        serving = Endpoint.objects.serving(certificate).order_by().values("pk")
        of_endpoints = rows.filter(endpoint__in=serving).values("pk")
        return self.filter(pk__in=rows.filter(certificate=certificate).values("pk").union(of_endpoints))

    def of_gone_rules(self) -> Self:
        """Rows of rules that this version does not have any more."""
        return self.filter(rule__in=set(self.order_by().values_list("rule", flat=True).distinct()) - set(CATALOGUE))


def _about_one_thing(noun: str) -> list[models.BaseConstraint]:
    """One row per rule and thing, which is a certificate or an endpoint."""
    return [
        models.CheckConstraint(condition=Q(certificate=None) ^ Q(endpoint=None), name=f"{noun}_about_one_thing"),
        models.UniqueConstraint(
            fields=["rule", "certificate"], condition=Q(endpoint=None), name=f"one_{noun}_per_rule_and_certificate"
        ),
        models.UniqueConstraint(
            fields=["rule", "endpoint"], condition=Q(certificate=None), name=f"one_{noun}_per_rule_and_endpoint"
        ),
    ]


class FindingQuerySet(AboutQuerySet["Finding"]):
    def open(self) -> FindingQuerySet:
        return self.filter(closed_at=None)

    def with_subject(self) -> FindingQuerySet:
        """With all that a line about a finding shows."""
        return self.select_related(
            "certificate__owner_team",
            "endpoint__owner_team",
            "endpoint__certificate",
            "acknowledged_by",
            "assigned_to",
        )

    def of_teams(self, slugs: list[str], *, unowned: bool) -> FindingQuerySet:
        """Findings about what one of these teams owns, or (``unowned``) what nobody owns."""
        # As numbers of certificates and endpoints: joined to both, each finding would be asked for its owner.
        owners = Q(owner_team__slug__in=slugs)
        if unowned:
            owners |= Q(owner_team=None)
        certificates, endpoints = (model.objects.filter(owners).order_by() for model in (Certificate, Endpoint))
        return self.filter(Q(certificate__in=certificates.values("pk")) | Q(endpoint__in=endpoints.values("pk")))


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
    assigned_to = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="assigned_findings"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    assignment_note = models.CharField(max_length=500, blank=True, default="", db_default="")
    closed_at = models.DateTimeField(null=True, blank=True)
    closing = models.CharField(max_length=12, choices=Closing, blank=True)
    reopened = models.PositiveIntegerField(default=0)
    reopened_at = models.DateTimeField(null=True, blank=True)
    # Not written any more: when time alone will change an answer stands in ``judge_at`` of the subject.
    changes_at = models.DateTimeField(null=True, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = _about_one_thing("finding")
        indexes = [
            models.Index(
                fields=["-severity", "opened_at", "id"],
                condition=Q(closed_at=None),
                name="open_finding_by_severity",
            ),
            # "closed_at" is the same in all of them: it stands there so that counting open findings reads no row.
            models.Index(
                fields=["closed_at", "rule", "severity", "opened_at"],
                condition=Q(closed_at=None),
                name="open_finding_by_rule",
            ),
            models.Index(
                fields=["certificate", "closed_at", "severity", "rule", "opened_at"],
                condition=Q(closed_at=None),
                name="open_finding_of_certificate",
            ),
            models.Index(
                fields=["endpoint", "closed_at", "severity", "rule", "opened_at"],
                condition=Q(closed_at=None),
                name="open_finding_of_endpoint",
            ),
            # The order of the list: of what is open and closed alike, and of what is open of one rule.
            models.Index(fields=["severity", "id"], name="finding_by_worst"),
            models.Index(fields=["rule", "severity", "id"], condition=Q(closed_at=None), name="open_finding_of_rule"),
            # The oldest of each rule and severity: of an index that begins with NULL PostgreSQL takes no order.
            models.Index(
                fields=["rule", "severity", "opened_at"], condition=Q(closed_at=None), name="open_finding_by_age"
            ),
            models.Index(fields=["rule", "closed_at"], name="finding_by_rule"),
            # What was opened and closed since somebody's last visit.
            models.Index(fields=["opened_at"], name="finding_by_opening"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="finding_by_closing"),
            models.Index(fields=["changes_at"], name="finding_by_change"),
        ]

    def __str__(self) -> str:
        return self.sentence


# In the place of the code of a rule: every rule of endpoints that has no row of its own about the same endpoint.
EVERY_RULE = ""


class UnjudgedQuerySet(AboutQuerySet["Unjudged"]):
    def each_once(self) -> Self:
        """Without rows of single rules of endpoints of which no rule was judged: one row stands for all of those."""
        every = Unjudged.objects.filter(rule=EVERY_RULE, endpoint=OuterRef("endpoint"))
        return self.filter(Q(rule=EVERY_RULE) | ~Exists(every))


class Unjudged(models.Model):
    """One rule that could not be asked of one subject, or every rule at once (a silent endpoint): why, since when.

    ``since`` stays while nobody can say, whatever the reason; the row goes as soon as the rule is judged.
    """

    rule = models.CharField(max_length=40)
    certificate = models.ForeignKey(
        Certificate, null=True, blank=True, on_delete=models.CASCADE, related_name="unjudged"
    )
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="unjudged")
    reason = models.CharField(max_length=300)
    since = models.DateTimeField()

    objects = UnjudgedQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule not judged")
        verbose_name_plural = _("rules not judged")
        constraints = _about_one_thing("unjudged")

    def __str__(self) -> str:
        return self.reason

    @staticmethod
    def codes(rule: str) -> Iterable[str]:
        """The rules that a row speaks of, by what stands in its column."""
        return ENDPOINT_RULES if rule == EVERY_RULE else (rule,)


class Asked(models.Model):
    """What the last answers of many rows depend on, as a digest: when it differs, all of them are asked again.

    One row for the rules themselves, and one for each service of several nodes.
    """

    name = models.CharField(max_length=310, unique=True)
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.name
