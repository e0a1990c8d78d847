"""Two certificates side by side: what is the same, what differs, and what only one of them has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import User
from inventory.filters import risk_words
from inventory.models import Certificate, CertificateName, Endpoint, Risk
from inventory.snapshot.lineage import family_of
from inventory.snapshot.rows import CertificateRow, certificate_row
from inventory.status import WORDS, life_days

MOST_NAMES = 5_000
MOST_SHOWN = 200
MOST_OTHERS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One property of both, in words."""

    title: str
    a: str
    b: str

    @property
    def differs(self) -> bool:
        return self.a != self.b


@dataclass(frozen=True, slots=True)
class Sets:
    """Things of which each certificate has any number."""

    title: str
    only_a: Sequence[str]
    only_b: Sequence[str]
    both: Sequence[str]

    @property
    def differs(self) -> bool:
        return bool(self.only_a or self.only_b)

    @property
    def not_shown(self) -> int:
        return sum(max(0, len(part) - MOST_SHOWN) for part in (self.only_a, self.only_b, self.both))


@dataclass(frozen=True, slots=True)
class Comparison:
    a: CertificateRow
    b: CertificateRow
    lines: Sequence[Line]
    sets: Sequence[Sets]

    @property
    def differences(self) -> int:
        return sum(line.differs for line in self.lines) + sum(each.differs for each in self.sets)


def compare(a: Certificate, b: Certificate, user: User, now: datetime) -> Comparison:
    """Six queries, whatever the two hold."""
    pair = (a, b)
    lines = [Line(title, *(words(row) for row in pair)) for title, words in _properties(now)]
    sets = [
        _sets(_("Names"), *(_names(row) for row in pair)),
        _sets(_("Extensions"), *(_extensions(row) for row in pair)),
        _sets(_("Served by"), *(_places(row, user) for row in pair)),
        _sets(_("Open findings"), *(_risks(row) for row in pair)),
    ]
    rows = [certificate_row(row, now, with_risks=False) for row in pair]
    return Comparison(rows[0], rows[1], lines, sets)


def others_of(certificate: Certificate, user: User) -> list[Certificate]:
    """Earlier and later ones of the same names, the newest first."""
    family = family_of(certificate, user).exclude(pk=certificate.pk)
    return list(family.order_by("-not_before", "-pk")[:MOST_OTHERS])


def _properties(now: datetime) -> list[tuple[str, Any]]:
    return [
        (_("Status"), lambda row: WORDS[row.status_at(now)]),
        (_("Begins"), lambda row: _moment(row.not_before)),
        (_("Ends"), lambda row: _moment(row.not_after)),
        (_("Lifetime"), _lifetime),
        (_("Subject"), lambda row: row.subject or _("empty")),
        (_("Issuer"), lambda row: row.issuer.name if row.issuer else _("unknown")),
        (_("Serial number"), lambda row: row.serial_number or _("unknown")),
        (_("Key"), lambda row: row.key_label or _("unknown")),
        (_("SHA-256 of the public key"), lambda row: row.spki_sha256 or _("unknown")),
        (_("Signature"), lambda row: row.signature_algorithm or _("unknown")),
        (_("Key usage"), lambda row: _listed(row, "key_usage")),
        (_("Extended key usage"), lambda row: _listed(row, "extended_key_usage")),
        (_("Must staple"), _must_staple),
        (_("Owner"), lambda row: row.owner_team.name if row.owner_team else _("no owner")),
        (_("Environment"), lambda row: row.get_environment_display() or _("not known")),
    ]


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else _("unknown")


def _lifetime(row: Certificate) -> str:
    days = life_days(row.not_before, row.not_after)
    return str(_("unknown")) if days is None else _("%(n)s days") % {"n": days}


def _listed(row: Certificate, name: str) -> str:
    if name not in row.details:
        return str(_("not read"))
    return ", ".join(map(str, row.details[name] or ())) or pgettext("of several", "none")


def _must_staple(row: Certificate) -> str:
    if "must_staple" not in row.details:
        return str(_("not read"))
    return str(_("yes") if row.details["must_staple"] else _("no"))


def _names(row: Certificate) -> list[str]:
    names = CertificateName.objects.filter(certificate=row).values_list("value", flat=True)
    return list(names[:MOST_NAMES])


def _extensions(row: Certificate) -> list[str]:
    return [
        _("%(oid)s, critical") % {"oid": oid} if critical else str(oid)
        for oid, critical in row.details.get("extensions") or ()
    ]


def _places(row: Certificate, user: User) -> list[str]:
    nodes = Endpoint.objects.visible_to(user).alive().filter(certificate=row).order_by("address", "port")
    return [f"{node.place} {node.server_name}".strip() for node in nodes[:MOST_NAMES]]


def _risks(row: Certificate) -> list[str]:
    return [risk_words(code) for code in Risk.objects.filter(certificate=row).values_list("code", flat=True)]


def _sets(title: str, a: Iterable[str], b: Iterable[str]) -> Sets:
    first, second = set(a), set(b)
    return Sets(title, sorted(first - second), sorted(second - first), sorted(first & second))
