"""Standing columns: what we say about a certificate or endpoint, beside what it says of itself.

Services of ``inventory`` alone write them, each its own columns: ``standing`` what nodes serve and what is superseded,
``chains`` the kind, ``endpoints`` when something was seen, ``ownership`` owners, ``retirement`` what is out of service,
``details`` what people say of it, ``judgements`` severity and findings. Each of them, and what makes a row due, sets
``judge_at``. Apps further up call these services and update no row themselves, except ``judge_at``. Whoever changes a
column that totals count by (``services.totals.Counted``) hands over the difference. They stand in the same table as the
facts because filter, sort and keyset paging need them there.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from inventory.status import AHEAD

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


# Rules are asked every minute: what has been due for longer than this was not judged in time.
LATE = timedelta(hours=1)


def late_q(now: datetime) -> Q:
    """Certificates and endpoints that were never judged, or should have been judged again long ago."""
    # What was never judged is due since it was stored, so an index finds both.
    return Q(judge_at__lte=now) & (Q(judged_at=None) | Q(judge_at__lt=now - LATE) | Q(judged_at__gt=now + AHEAD))


def is_late(row: Standing, now: datetime) -> bool:
    """The same answer as ``late_q``, of one row."""
    if row.judge_at is None or row.judge_at > now:
        return False
    return row.judged_at is None or row.judge_at < now - LATE or row.judged_at > now + AHEAD


def judged_in_time(row: Standing, now: datetime) -> bool:
    """Whether the rules were asked of it and are not overdue: only then does the lack of a finding say something."""
    return row.judged_at is not None and row.judged_at <= now + AHEAD and not is_late(row, now)


class Origin(models.TextChoices):
    MANUAL = "manual", _("chosen by a person")
    RULE = "rule", _("by rule")
    INFERRED = "inferred", _("inferred")


def reason_of_row(number: int, file: str, person: str) -> str:
    """Why something is whose it is where a row of a spreadsheet says so."""
    return f"Row {number} of {file}, imported by {person}."


_OF_A_ROW = re.compile(r"Row \d+ of .+, imported by \S+\.", re.DOTALL)


class Environment(models.TextChoices):
    PRODUCTION = "production", _("Production")
    STAGING = "staging", _("Staging")
    TEST = "test", _("Test")
    DEVELOPMENT = "development", _("Development")


class Criticality(models.TextChoices):
    CRITICAL = "critical", _("Critical")
    HIGH = "high", _("High")
    NORMAL = "normal", _("Normal")
    LOW = "low", _("Low")


class Purpose(models.TextChoices):
    SERVER = "server", _("Server")
    CLIENT = "client", _("Client")
    CA = "ca", _("Certificate authority")
    CODE = "code", _("Code signing")
    MAIL = "mail", _("Mail")


class Exposure(models.TextChoices):
    PUBLIC = "public", _("Reachable from the internet")
    INTERNAL = "internal", _("Internal")


class Severity(models.IntegerChoices):
    NONE = 0, _("none")
    LOW = 1, _("low")
    MEDIUM = 2, _("medium")
    HIGH = 3, _("high")
    CRITICAL = 4, _("critical")


class Tag(models.Model):
    """A word that people attach to certificates and endpoints."""

    name = models.SlugField(_("name"), max_length=50, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


# What people and rules say of a thing. In the indexes stands only what says something.
SAID = ("environment", "criticality", "application", "purpose", "exposure")


def indexes_of_said(prefix: str) -> list[models.Index]:
    """For lists filtered by what was said: names of indexes begin with ``prefix``."""
    said = [
        models.Index(fields=[column, "id"], condition=~Q(**{column: ""}), name=f"{prefix}_by_{column}")
        for column in SAID
    ]
    own = models.Index(fields=["id"], condition=~Q(custom_fields={}), name=f"{prefix}_with_fields")
    return [*said, own]


Owned = TypeVar("Owned", bound=models.Model)


class OwnedQuerySet(models.QuerySet[Owned], Generic[Owned]):
    """What both owned tables can be asked."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Only what this person may see: all for administrators and auditors, else what their teams own.

        Unowned rows are shown to everybody (somebody must claim them) unless the installation hides them.
        """
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.sees_everything:
            return self
        mine = Q(owner_team__in=user.memberships.values("team"))
        return self.filter(mine if settings.HIDE_UNOWNED else mine | Q(owner_team=None))

    def of_teams(self, user: User) -> Self:
        return self.filter(owner_team__in=user.memberships.values("team"))


class Standing(models.Model):
    """The business side of a certificate or endpoint."""

    owner_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="%(class)ss")
    owner_person = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    owner_origin = models.CharField(max_length=8, choices=Origin, blank=True)
    owner_reason = models.CharField(max_length=300, blank=True)
    # The rule that gave the owner, if one did.
    owner_rule = models.ForeignKey(
        "inventory.OwnershipRule", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    environment = models.CharField(max_length=12, choices=Environment, blank=True)
    criticality = models.CharField(max_length=8, choices=Criticality, blank=True)
    application = models.CharField(max_length=100, blank=True)
    purpose = models.CharField(max_length=8, choices=Purpose, blank=True)
    exposure = models.CharField(max_length=8, choices=Exposure, blank=True)
    regulations = models.JSONField(default=list, blank=True)
    data_lifetime_years = models.PositiveSmallIntegerField(null=True, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)
    # Which of the details a rule set: name of the column → primary key of the rule. All others are people's word. 0: a
    # person emptied it, and no rule fills it again.
    ruled = models.JSONField(default=dict, blank=True, db_default=Value({}, models.JSONField()))
    notes = models.TextField(blank=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="%(class)ss")
    worst_severity = models.PositiveSmallIntegerField(choices=Severity, default=Severity.NONE)
    open_findings = models.PositiveIntegerField(default=0)
    # When policy must look at the row next: set to the moment of any change of facts, and by policy itself to the
    # moment at which time alone will change an answer.
    judge_at = models.DateTimeField(null=True, blank=True, db_index=True)
    judged_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    @property
    def owner_known(self) -> str:
        """How its owner is known, in words. A row of a spreadsheet is the word of the person who imported it."""
        if self.owner_origin == Origin.MANUAL and _OF_A_ROW.fullmatch(self.owner_reason):
            return gettext("by a row of a spreadsheet, which counts as chosen by a person: rules leave it")
        return str(self.get_owner_origin_display())

    @cached_property
    def ruled_by(self) -> dict[str, models.Model]:
        """Which of the details a rule set: the name of the column → the rule, if it is still there."""
        keys = set(self.ruled.values()) - {0}
        rules: Any = self._meta.get_field("owner_rule").related_model
        found = rules._default_manager.in_bulk(keys) if keys else {}
        return {name: found[key] for name, key in self.ruled.items() if key in found}
