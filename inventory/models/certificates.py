"""Certificates as signed, their bytes, their names, their issuers and their open risks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from inventory.models.standing import OwnedQuerySet, Severity, Standing, indexes_of_said
from inventory.models.status_q import status_case, status_q
from inventory.names import other_form
from inventory.status import Situation, Status, status


class Issuer(models.Model):
    """One distinguished name that signs certificates, identified by the SHA-256 of its DER."""

    name_sha256 = models.CharField(max_length=64, unique=True)
    name = models.TextField()
    label = models.CharField(max_length=200, db_index=True)
    organisation = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("issuer")
        verbose_name_plural = _("issuers")
        ordering = ["label", "pk"]

    def __str__(self) -> str:
        return self.label


class CertificateQuerySet(OwnedQuerySet["Certificate"]):
    def leaves(self) -> CertificateQuerySet:
        return self.filter(kind=Certificate.Kind.LEAF)

    def in_use(self) -> CertificateQuerySet:
        """Served now by at least one node, as far as our last look says."""
        return self.filter(nodes_serving__gt=0)

    def in_status(self, statuses: Iterable[Status], now: datetime) -> CertificateQuerySet:
        """Those whose one status is among these; the same answer as ``Certificate.status_at``."""
        conditions = status_q(now)
        return self.filter(reduce(or_, (conditions[word] for word in statuses), Q(pk__in=[])))

    def with_status(self, now: datetime) -> CertificateQuerySet:
        """Each row with ``status_word``, the value of its ``Status``."""
        return self.annotate(status_word=status_case(now))


# What status and use follow from: with these in an index, counting by them reads no row.
_COUNTED_BY = ("nodes_serving", "not_before", "expiring_from", "revoked_at", "superseded", "served_ever", "retired_at")
# What time alone makes of it, beside its end.
_DATED_BY = ("expiring_from", "not_before", "revoked_at")


class Certificate(Standing):
    """One certificate as signed, identified by the SHA-256 of its DER.

    The columns down to ``problems`` are facts: written once, when the bytes are first stored. What could not be read is
    empty or None and named in ``problems``, so that nothing unread looks like a good answer.
    """

    class Kind(models.TextChoices):
        LEAF = "leaf", _("End entity")
        CA = "ca", _("CA certificate")

    sha256 = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    subject = models.TextField(blank=True)
    # "cert_by_issuer" begins with it: an index of its own would be chosen instead, and hold nothing else.
    issuer = models.ForeignKey(
        Issuer, null=True, blank=True, on_delete=models.PROTECT, related_name="certificates", db_index=False
    )
    serial_number = models.CharField(max_length=130, blank=True, db_index=True)
    not_before = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)
    # From here on little of its life is left (inventory.status); facts, because they follow from the dates alone.
    expiring_from = models.DateTimeField(null=True, blank=True)
    urgent_from = models.DateTimeField(null=True, blank=True)
    key_type = models.CharField(max_length=40, blank=True)
    key_bits = models.PositiveIntegerField(null=True, blank=True)
    key_label = models.CharField(max_length=80, blank=True)
    key_oid = models.CharField(max_length=80, blank=True)
    signature_algorithm = models.CharField(max_length=80, blank=True)
    signature_oid = models.CharField(max_length=80, blank=True)
    signature_hash = models.CharField(max_length=20, blank=True)
    spki_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    subject_key_id = models.CharField(max_length=128, blank=True)
    authority_key_id = models.CharField(max_length=128, blank=True)
    subject_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    # The SHA-256 over the sorted names: certificates with equal keys are earlier and later ones of each other.
    names_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    names_count = models.PositiveIntegerField(default=0)
    is_ca = models.BooleanField(null=True)
    is_self_signed = models.BooleanField(null=True)
    details = models.JSONField(default=dict, blank=True)
    conforming = models.BooleanField(default=True)
    problems = models.JSONField(default=list, blank=True)

    # Standing: written by the services that ``inventory.models.standing`` names.
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.LEAF)
    # Nodes that serve it as far as our last look says. A node that fell silent still counts: silence proves nothing;
    # it is counted again in ``nodes_last_known``.
    nodes_serving = models.PositiveIntegerField(default=0)
    nodes_last_known = models.PositiveIntegerField(default=0)
    nodes_total = models.PositiveIntegerField(default=0)
    served_ever = models.BooleanField(default=False)
    managed = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    superseded = models.BooleanField(default=False)
    # Primary keys of the domains that its names stand under; None until they were looked at. Written once, by
    # ``domains``: beside the columns that totals count by, so that a row alone says where it is counted.
    domain_ids = models.JSONField(null=True, blank=True, default=None)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        # What stands after "id" orders nothing: it lets a walk through the index skip rows without reading them.
        indexes = [
            models.Index(fields=["kind", "not_after", "id", "owner_team", *_COUNTED_BY], name="cert_by_expiry"),
            # Of any kind, as the search of everything asks.
            models.Index(fields=["not_after", "id"], name="cert_by_end"),
            models.Index(fields=["kind", "worst_severity", "id", "owner_team", "retired_at"], name="cert_by_worst"),
            models.Index(fields=["kind", "name", "id"], name="cert_by_name"),
            models.Index(fields=["kind", "first_seen_at", "id"], name="cert_by_first_seen"),
            models.Index(
                fields=["issuer", "kind", "not_after", "id", "owner_team", *_COUNTED_BY, "key_label"],
                name="cert_by_issuer",
            ),
            models.Index(
                fields=["owner_team", "kind", "not_after", "id", *_COUNTED_BY, "issuer", "key_label"],
                name="cert_by_team",
            ),
            models.Index(fields=["key_label", "not_after", "id"], name="cert_by_key"),
            # What nobody owns, or only a guess, worst and soonest first.
            models.Index(
                fields=["owner_origin", "kind", "worst_severity", "not_after", "id", "owner_team", "retired_at"],
                name="cert_by_origin",
            ),
            models.Index(fields=["not_after"], condition=Q(nodes_serving__gt=0), name="cert_in_use_by_expiry"),
            models.Index(fields=["id"], condition=Q(domain_ids__isnull=True), name="cert_without_domains"),
            models.Index(fields=["issuer", "subject_sha256"], condition=Q(is_ca=True), name="cert_ca_by_issuer"),
            models.Index(fields=["expiring_from"], condition=Q(nodes_serving__gt=0), name="cert_in_use_by_warning"),
            models.Index(
                fields=["issuer", "not_after", *_DATED_BY, "owner_team", "retired_at", "nodes_serving", "kind"],
                condition=Q(nodes_serving__gt=0),
                name="cert_in_use_by_issuer",
            ),
            models.Index(
                fields=["worst_severity", "not_after"],
                condition=Q(worst_severity__gt=0),
                name="cert_by_severity",
            ),
            models.Index(fields=["id"], condition=Q(superseded=True), name="cert_superseded"),
            models.Index(fields=["id"], condition=Q(nodes_serving=0), name="cert_not_in_use"),
            models.Index(fields=["not_after", "id"], condition=Q(served_ever=False), name="cert_never_served"),
            models.Index(
                fields=["retired_at", "revoked_at", "id"],
                condition=Q(retired_at__isnull=False) | Q(revoked_at__isnull=False),
                name="cert_retired_or_revoked",
            ),
            *indexes_of_said("cert"),
        ]

    def __str__(self) -> str:
        return self.name

    def status_at(self, now: datetime) -> Status:
        situation = Situation(
            not_before=self.not_before,
            not_after=self.not_after,
            expiring_from=self.expiring_from,
            revoked_at=self.revoked_at,
            superseded=self.superseded,
            served_ever=self.served_ever,
            nodes_serving=self.nodes_serving,
        )
        return status(situation, now)


class CertificateDer(models.Model):
    """The bytes, apart from the searchable row, so that lists stay small."""

    certificate = models.OneToOneField(Certificate, on_delete=models.CASCADE, primary_key=True, related_name="der")
    der = models.BinaryField()

    def __str__(self) -> str:
        return f"bytes of {self.certificate_id}"


class CertificateName(models.Model):
    """One subject alternative name, as it is compared: lower case, A-label."""

    class Kind(models.TextChoices):
        DNS = "dns", _("DNS name")
        IP = "ip", _("IP address")
        EMAIL = "email", _("e-mail address")
        URI = "uri", _("URI")
        DIRECTORY = "dirname", _("directory name")
        REGISTERED_ID = "rid", _("registered ID")
        OTHER = "other", _("other name")

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="names")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=1024)

    class Meta:
        ordering = ["certificate_id", "position"]
        constraints = [models.UniqueConstraint(fields=["certificate", "position"], name="one_name_per_position")]
        indexes = [models.Index(fields=["value", "certificate"], name="name_by_value")]

    def __str__(self) -> str:
        return self.value

    @property
    def other_form(self) -> str:
        """The name as people write it, where that is not how it is compared."""
        return other_form(self.value)


class Risk(models.Model):
    """One open risk of one certificate: what the facet counts. The whole story is the finding."""

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="risks")
    code = models.CharField(max_length=40)
    severity = models.PositiveSmallIntegerField(choices=Severity)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["certificate", "code"], name="one_risk_per_certificate")]
        indexes = [models.Index(fields=["code", "certificate"], name="risk_by_code")]

    def __str__(self) -> str:
        return self.code
