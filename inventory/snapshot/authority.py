"""What the page of one issuer shows: where it stands among authorities, and what of its work ends next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max

from accounts.models import User
from inventory.filters import Filtered, visible_issuers
from inventory.filters.base import MOST_COUNTED
from inventory.models import Certificate, Issuer
from inventory.models.certificates import CertificateQuerySet
from inventory.snapshot.rows import with_listed

SHOWN = 10
# Replacing an authority takes years of notice: 30 months.
MONTHS_AHEAD = timedelta(days=913)


@dataclass(frozen=True, slots=True)
class Keys:
    """The kinds of keys that it signed, the most frequent first, and when one of them was seen last.

    ``looked_at``: of how many certificates, if that is not all of them.
    """

    kinds: tuple[tuple[str, int], ...]
    last_seen: datetime | None
    looked_at: int


def signed_by(issuer: Issuer, user: User) -> CertificateQuerySet:
    """What it signed, of what the person sees."""
    return Certificate.objects.visible_to(user).filter(issuer=issuer)


def keys_signed(issuer: Issuer, user: User) -> Keys:
    """Read once, of those that end last: they speak for an authority of hundreds of thousands."""
    # In this order they stand in "cert_by_issuer".
    newest = signed_by(issuer, user).order_by("-kind", "-not_after", "-pk")[:MOST_COUNTED]
    looked_at = Certificate.objects.filter(pk__in=newest.values("pk")).order_by()
    counted = looked_at.values_list("key_label").annotate(number=Count("pk"), seen=Max("last_seen_at"))
    found = list(counted.order_by("-number", "key_label"))
    total = sum(number for _label, number, _seen in found)
    return Keys(
        tuple((label, number) for label, number, _seen in found),
        max((seen for _label, _number, seen in found if seen), default=None),
        total if total == MOST_COUNTED else 0,
    )


def own_certificates(issuer: Issuer, user: User) -> list[Certificate]:
    """Those whose subject is its name, the last to end first."""
    own = with_listed(_own(issuer, user).order_by(F("not_after").desc(nulls_last=True), "pk"))
    return list(own[:SHOWN])


def next_ends(issuer: Issuer, user: User, now: datetime) -> list[Certificate]:
    """Leaves and authorities apart: each of them stands in "cert_by_issuer" in this order."""
    ends = with_listed(signed_by(issuer, user).filter(not_after__gte=now).order_by("not_after", "pk"))
    found = [row for kind in Certificate.Kind for row in ends.filter(kind=kind)[:SHOWN]]
    return sorted(found, key=lambda row: (row.not_after or now, row.pk))[:SHOWN]


def authorities_ending(through: Filtered[Certificate], now: datetime) -> list[Certificate]:
    """CA certificates among them that end within 30 months, the next first."""
    ends = through.queryset.filter(kind=Certificate.Kind.CA, not_after__gte=now, not_after__lte=now + MONTHS_AHEAD)
    return list(with_listed(ends).order_by("not_after", "pk")[:SHOWN])


def authorities_above(issuer: Issuer, user: User) -> list[Issuer]:
    """Who signed its CA certificates; it has several if it is cross-signed, and none above it if it is a root."""
    above = _own(issuer, user).filter(is_ca=True).exclude(issuer=issuer).order_by().values("issuer").distinct()
    return list(visible_issuers(user).filter(pk__in=above).order_by("label", "pk")[:SHOWN])


def authorities_below(issuer: Issuer, user: User) -> list[Issuer]:
    """The authorities whose CA certificates it signed."""
    signed = signed_by(issuer, user).filter(is_ca=True).exclude(subject_sha256="")
    subjects = signed.order_by().values("subject_sha256").distinct()
    below = visible_issuers(user).filter(name_sha256__in=subjects).exclude(pk=issuer.pk)
    return list(below.order_by("label", "pk")[:SHOWN])


def _own(issuer: Issuer, user: User) -> CertificateQuerySet:
    return Certificate.objects.visible_to(user).filter(subject_sha256=issuer.name_sha256)
