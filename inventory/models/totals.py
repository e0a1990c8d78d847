"""Kept totals: numbers that pages show without counting the estate."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Team, User

# Dimensions that filters read, too: leaves by primary key of each domain that a name of theirs stands under.
DOMAIN = "domain"
DOMAIN_IN_USE = "domain_in_use"
# Leaves by primary key of the issuer.
ISSUER = "issuer"
ISSUER_IN_USE = "issuer_in_use"


def counted_for(user: User, *, mine: bool = False) -> Q:
    """Which counts add up to what the person may see; ``mine``: to what the person's own teams own."""
    if not user.is_active:
        return Q(pk__in=[])
    own = Q(owner_team__in=user.memberships.values("team"))
    if mine:
        return own
    if user.sees_everything:
        return Q()
    return own if settings.HIDE_UNOWNED else own | Q(owner_team=None)


class Total(models.Model):
    """How many live rows one team (or nobody) has for one value of one dimension.

    Kept in the transaction that changes the rows, in sorted key order and last, so that two writers cannot lock each
    other; recounted nightly, where a difference is a fault that people are told of.
    """

    owner_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE)
    dimension = models.CharField(max_length=30)
    value = models.CharField(max_length=100, blank=True)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner_team", "dimension", "value"], name="one_total_per_team_and_value"),
            models.UniqueConstraint(
                fields=["dimension", "value"],
                condition=Q(owner_team=None),
                name="one_total_of_nobody_per_value",
            ),
        ]
        indexes = [models.Index(fields=["dimension", "value"], name="total_by_dimension")]

    def __str__(self) -> str:
        return f"{self.dimension} {self.value}: {self.count}"
