"""Where we may look and where we do: zones, networks, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Zone(models.Model):
    """A part of the network that only workers started for it can reach. ``default`` always exists."""

    name = models.SlugField(_("name"), max_length=63, unique=True)
    description = models.CharField(_("description"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("zone")
        verbose_name_plural = _("zones")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class NetworkQuerySet(models.QuerySet["Network"]):
    def ownerless(self) -> NetworkQuerySet:
        """Those that somebody must choose an owner for: ``is_ownerless``, as a query."""
        return self.filter(owner_team=None, is_excluded=False, purpose=Network.Purpose.PROBE)


class Network(models.Model):
    """Permission to connect to a range of addresses for one purpose. What no row allows is not probed.

    ``first`` and ``last`` are the ends of the range as 16 sortable bytes. An exclusion always wins over a permission.
    """

    class Purpose(models.TextChoices):
        PROBE = "probe", _("probe for certificates")
        ACME = "acme", _("ACME servers")
        FETCH = "fetch", _("fetch CRLs, OCSP answers and issuers")
        NOTIFY = "notify", _("webhooks and mail")
        DEPLOY = "deploy", _("deploy certificates")

    name = models.CharField(_("name"), max_length=100, blank=True)
    cidr = models.CharField(_("network"), max_length=100)
    first = models.BinaryField(max_length=16)
    last = models.BinaryField(max_length=16)
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose, default=Purpose.PROBE)
    is_excluded = models.BooleanField(_("never connect"), default=False, help_text=_("An exclusion always wins."))
    # Loopback, link-local and cloud metadata addresses are allowed only by a row that says so by name.
    allows_special = models.BooleanField(_("loopback or link-local on purpose"), default=False)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="networks", verbose_name=_("zone"))
    owner_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("owner"))

    objects = NetworkQuerySet.as_manager()

    class Meta:
        verbose_name = _("network")
        verbose_name_plural = _("networks")
        ordering = ["first", "last"]
        constraints = [
            models.UniqueConstraint(fields=["zone", "purpose", "cidr", "is_excluded"], name="one_network_per_purpose")
        ]

    def __str__(self) -> str:
        return self.name or self.cidr

    @property
    def is_ownerless(self) -> bool:
        """Only what may be probed finds anything that needs an owner."""
        return self.owner_team_id is None and not self.is_excluded and self.purpose == self.Purpose.PROBE


class SourceQuerySet(models.QuerySet["Source"]):
    def visible_to(self, user: User | AnonymousUser) -> SourceQuerySet:
        """Administrators and auditors see every source, others those of their teams."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self if user.sees_everything else self.filter(owner_team__in=user.memberships.values("team"))

    def ownerless(self) -> SourceQuerySet:
        return self.filter(owner_team=None)


class Source(models.Model):
    """A place to look again and again: a list of hosts or a network, with its ports, limits and schedule."""

    class Kind(models.TextChoices):
        HOSTS = "hosts", _("Hosts")
        NETWORK = "network", _("Network")

    class Engine(models.TextChoices):
        OWN = "own", _("certdash")
        NMAP = "nmap", _("nmap")

    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    # Validated by discovery.addresses: what to ask, as people typed it, one entry a line.
    targets = models.TextField(_("targets"))
    exclusions = models.TextField(_("exclusions"), blank=True)
    ports = models.CharField(_("ports"), max_length=300, default="443")
    server_names = models.TextField(_("server names"), blank=True)
    engine = models.CharField(_("engine"), max_length=8, choices=Engine, default=Engine.OWN)
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, related_name="sources", verbose_name=_("zone"))
    owner_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("owner"))
    enabled = models.BooleanField(_("enabled"), default=True)
    every_seconds = models.PositiveIntegerField(_("repeat after seconds"), default=86_400)
    rate_limit = models.PositiveIntegerField(_("connections per second"), default=500)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = SourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ownerless(self) -> bool:
        return self.owner_team_id is None
