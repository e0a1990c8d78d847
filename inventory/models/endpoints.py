"""Endpoints (one node each), what they serve now, and how we know of anything at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connection, models
from django.db.models import Q, Value
from django.db.models.functions import Cast, Concat, Substr
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from inventory.addresses import unpack, with_port
from inventory.models.certificates import Certificate
from inventory.models.chains import Chain
from inventory.models.standing import OwnedQuerySet, Standing, indexes_of_said
from inventory.names import other_form

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class EndpointQuerySet(OwnedQuerySet["Endpoint"]):
    def alive(self) -> EndpointQuerySet:
        """Not retired: silence alone never removes an endpoint from a denominator."""
        return self.filter(retired_at=None)

    def serving(self, certificate: Certificate) -> EndpointQuerySet:
        """Those that serve it to any kind of client, or did when they last answered."""
        # As one set: PostgreSQL reads the whole table for two that stand beside each other with OR.
        sent = ServedChain.objects.filter(certificate=certificate).order_by().values("endpoint")
        return self.filter(pk__in=Endpoint.objects.filter(certificate=certificate).order_by().values("pk").union(sent))

    @staticmethod
    def schedules() -> list[int]:
        """The schedules in seconds, each found in its index: PostgreSQL would read all rows to tell them apart."""
        table = connection.ops.quote_name(Endpoint._meta.db_table)
        # A name of ours.
        least = f"SELECT min(schedule_seconds) FROM {table}"  # noqa: S608
        after = f"({least} WHERE schedule_seconds > each.seconds)"
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE each(seconds) AS ({least} UNION ALL SELECT {after} FROM each "  # noqa: S608
                "WHERE each.seconds IS NOT NULL) SELECT seconds FROM each WHERE seconds IS NOT NULL"
            )
            return [seconds for (seconds,) in cursor.fetchall()]


# Kinds of sightings without a source of a name: "asked once".
ASKED_ONCE = ("scan", "check", "verify")
# What came in a file is called by the beginning of its name and the number of the import: names may come again.
IMPORTED = "import"
IMPORT_NAME = 180
# Who sees an endpoint, and whether lists show it: with these in an index, a search through its texts reads no row.
_SEEN_BY = ("retired_at", "owner_team")
# What nearly all have: in the indexes stands what is different.
USUAL_PORT, USUAL_PROTOCOL = 443, "tls"


class Endpoint(Standing):
    """One node: a place that speaks (or spoke) TLS, asked for one server name.

    ``address`` is 16 bytes that sort like addresses (IPv4 mapped into IPv6). The nodes of one name share ``service``.
    ``last_tried_at`` moves with every attempt, ``last_seen_at`` only with an answer.
    """

    class Outcome(models.TextChoices):
        SERVED = "served", _("served")
        HANDSHAKE_FAILED = "handshake_failed", _("handshake failed")
        UNREACHABLE = "unreachable", _("unreachable")
        NEVER = "", _("never tried")

    zone = models.CharField(max_length=63, default="default")
    address = models.BinaryField(max_length=16)
    port = models.PositiveIntegerField()
    server_name = models.CharField(max_length=255, blank=True)
    protocol = models.CharField(max_length=12, default="tls")
    service = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    tls_version = models.CharField(max_length=10, blank=True)
    cipher = models.CharField(max_length=80, blank=True)
    certificate = models.ForeignKey(
        Certificate, null=True, blank=True, on_delete=models.PROTECT, related_name="endpoints"
    )
    last_tried_at = models.DateTimeField(null=True, blank=True)
    # Evidence older than twice this is not evidence any more.
    schedule_seconds = models.PositiveIntegerField(default=86_400)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "address", "port", "server_name", "protocol"],
                name="one_endpoint_per_place",
            )
        ]
        indexes = [
            models.Index(
                fields=["last_seen_at", "id", "schedule_seconds", "outcome", *_SEEN_BY], name="endpoint_by_last_seen"
            ),
            models.Index(fields=["address", "port", "id"], name="endpoint_by_address"),
            models.Index(fields=["server_name", "id", "certificate", *_SEEN_BY], name="endpoint_by_server_name"),
            models.Index(fields=["service", "id", "certificate", *_SEEN_BY], name="endpoint_by_service"),
            models.Index(fields=["owner_team", "id"], name="endpoint_by_team"),
            models.Index(
                fields=["outcome", "retired_at", "id", "owner_team", "last_seen_at", "schedule_seconds"],
                name="endpoint_by_outcome",
            ),
            models.Index(fields=["worst_severity", "id", "owner_team"], name="endpoint_by_worst"),
            models.Index(
                fields=["owner_origin", "worst_severity", "id", "owner_team", "retired_at"], name="endpoint_by_origin"
            ),
            # There are few schedules, and each list of what was not judged begins by asking which.
            models.Index(fields=["schedule_seconds"], name="endpoint_by_schedule"),
            models.Index(fields=["tls_version", "retired_at", "id"], name="endpoint_by_version"),
            models.Index(fields=["port", "retired_at", "id"], condition=~Q(port=USUAL_PORT), name="endpoint_by_port"),
            models.Index(
                fields=["protocol", "retired_at", "id"],
                condition=~Q(protocol=USUAL_PROTOCOL),
                name="endpoint_by_protocol",
            ),
            *indexes_of_said("endpoint"),
        ]

    def __str__(self) -> str:
        return self.place

    @property
    def host(self) -> str:
        return unpack(bytes(self.address))

    @property
    def place(self) -> str:
        return with_port(self.host, self.port)

    @property
    def other_form(self) -> str:
        """The name it was asked for as people write it, where that is not how it was asked."""
        return other_form(self.server_name)


class ServedChain(models.Model):
    """What an endpoint serves now for one kind of client; points to the chain of the last look."""

    class Variant(models.TextChoices):
        DEFAULT = "default", _("default")
        RSA = "rsa", _("RSA only")
        ECDSA = "ecdsa", _("ECDSA only")

    class State(models.TextChoices):
        SERVED = "served", _("served")
        LAST_KNOWN = "last_known", _("last known")

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="served")
    variant = models.CharField(max_length=8, choices=Variant, default=Variant.DEFAULT)
    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="served")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="served")
    state = models.CharField(max_length=10, choices=State, default=State.SERVED)
    since = models.DateTimeField()
    observed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "variant"], name="one_served_chain_per_variant")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.variant}"


def sources_of(user: User) -> models.QuerySet[Any, str]:
    """Names of the sources of the person's teams. The model stands in an app further up."""
    sources = apps.get_model("discovery", "Source")._default_manager
    return sources.filter(owner_team__in=user.memberships.values("team")).values_list("name", flat=True)


def imports_of(user: User) -> models.QuerySet[Any, str]:
    """Names, as sources, of what the person or their teams brought in. The model stands in a module further up."""
    imports = apps.get_model("inventory", "Import")._default_manager
    mine = imports.filter(Q(requested_by=user) | Q(team__in=user.memberships.values("team")))
    number = Cast("pk", models.CharField())
    called = Concat(Substr("name", 1, IMPORT_NAME), Value(" (import "), number, Value(")"))
    return mine.annotate(called=called).values_list("called", flat=True)


class SightingQuerySet(models.QuerySet["Sighting"]):
    def visible_to(self, user: User | AnonymousUser) -> SightingQuerySet:
        """Names of sources are told to those who see the source. What was asked once has no name."""
        if not isinstance(user, User) or user.sees_everything:
            return self
        imported = Q(source_kind=IMPORTED, source_name__in=imports_of(user))
        return self.filter(Q(source_name__in=sources_of(user)) | Q(source_kind__in=ASKED_ONCE) | imported)


class Sighting(models.Model):
    """How we know of one certificate or endpoint: the kind and name of a source, first and last time."""

    certificate = models.ForeignKey(
        Certificate, null=True, blank=True, on_delete=models.CASCADE, related_name="sightings"
    )
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="sightings")
    source_kind = models.CharField(max_length=20)
    source_name = models.CharField(max_length=200)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    objects = SightingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(certificate=None) ^ Q(endpoint=None), name="sighting_of_one_thing"),
            models.UniqueConstraint(
                fields=["certificate", "source_kind", "source_name"],
                condition=Q(endpoint=None),
                name="one_sighting_per_certificate_and_source",
            ),
            models.UniqueConstraint(
                fields=["endpoint", "source_kind", "source_name"],
                condition=Q(certificate=None),
                name="one_sighting_per_endpoint_and_source",
            ),
        ]
        indexes = [models.Index(fields=["source_kind", "source_name"], name="sighting_by_source")]

    def __str__(self) -> str:
        return f"{self.source_kind} {self.source_name}"
