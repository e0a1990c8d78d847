"""Freezing: everything that a report says, as plain data, at one moment.

What is rendered later knows only this data, so the same data gives the same bytes.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.services import audit_head
from certdash.lib.zones import zone_of
from inventory import exports, filters
from inventory.filters import Filtered
from inventory.models import Certificate
from inventory.models.standing import is_late
from inventory.names import other_form
from inventory.status import Status, days_left
from inventory.trust import mozilla_roots
from reports.services.freshness import freshness, moment_text, ranked
from reports.services.unjudged import of_unknown_strength, rules_not_judged
from reports.snapshot.values import WEAK

FORMAT = 1
# The body shows at most 2,000 rows in all; the whole population is attached.
ROWS_PER_SECTION = 400
# A worker holds up to 8 KB for each: 39 MB were measured for 5,000.
MOST_CERTIFICATES = 50_000
CHUNK = 500
# Texts of a certificate that no report shows.
_UNREAD = ("details", "problems", "notes", "custom_fields", "regulations")
WEEKS = 26
End: TypeAlias = tuple[date, bool]  # and whether somebody owns it


def canonical(data: Mapping[str, Any]) -> bytes:
    """The one spelling of the data that is hashed: UTF-8 JSON with sorted keys and no spaces."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def thaw(blob: bytes) -> dict[str, Any]:
    """Read what was kept of a report's data."""
    data: dict[str, Any] = json.loads(gzip.decompress(blob))
    return data


def scope_of(user: User, query: str, now: datetime) -> Filtered[Certificate]:
    """What a report would cover. Raises ``ValueError`` with a sentence if that is not understood, or too much."""
    found = filters.certificates(query, user, now)
    if found.errors:
        raise ValueError(filters.error_sentences(found.errors))
    if not filters.count_up_to(found.queryset, MOST_CERTIFICATES).exact:
        raise ValueError(
            _("The scope covers more than %(most)s certificates, and one report takes no more. Narrow it down.")
            % {"most": f"{MOST_CERTIFICATES:,}"}
        )
    return found


def freeze_inventory(user: User, query: str, now: datetime) -> dict[str, Any]:
    """Freeze the certificates that a filter means, as far as this person may see them.

    ``query`` is the query string of the list of certificates. Raises ``ValueError`` as ``scope_of``: a report about
    something else than what was asked for must not exist.
    """
    found = scope_of(user, query, now)
    organisation = Organisation.objects.filter(pk=1).first()
    zone = zone_of(organisation.timezone if organisation else None)
    rows, ends = _read(found, now, zone)
    return {
        "format": FORMAT,
        "kind": "inventory",
        "organisation": organisation.name if organisation else "",
        "time_zone": str(zone),
        "taken_at": moment_text(now, zone),
        **_asked(user, found),
        "scope": _scope(rows, found),
        "freshness": freshness(found, user, now, zone),
        "rules_not_judged": rules_not_judged(found, user, now),
        "weeks": _weeks(ends, now, zone),
        **_counted(rows),
        # The export of the same filter at the same moment: what the page would have given.
        "population": "".join(exports.write(exports.CERTIFICATES, "csv", found, now)),
        **_grounds(),
    }


def _asked(user: User, found: Filtered[Certificate]) -> dict[str, Any]:
    """Who asked, and for what."""
    return {
        "prepared_for": user.email,
        "sees_everything": user.sees_everything,
        "filter": found.query,
        "filter_words": [f"{chip.label}: {chip.words}" for chip in found.chips],
    }


def _counted(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "totals": _totals(rows),
        "statuses": Counter(row["status"] for row in rows),
        "issuers": ranked(row["issuer"] for row in rows),
        "keys": ranked(row["key"] for row in rows),
        "teams": _teams(rows),
        "sections": _sections(rows),
    }


def _grounds() -> dict[str, Any]:
    """What it rests on: the audit so far, and the public roots that paths are judged against."""
    head, digest = audit_head()
    return {
        "audit_head": {"number": head, "digest": digest},
        "public_roots": f"{mozilla_roots().name}, {mozilla_roots().date}",
    }


def _read(found: Filtered[Certificate], now: datetime, zone: tzinfo) -> tuple[list[dict[str, Any]], list[End]]:
    """What is said of each certificate, and when those in use end. The certificates themselves are not kept."""
    listed = found.ordered().select_related("issuer", "owner_team").prefetch_related("risks").defer(*_UNREAD)
    unknown = of_unknown_strength()
    rows, ends = [], []
    for certificate in listed.iterator(chunk_size=CHUNK):
        rows.append(_row(certificate, unknown, now, zone))
        if certificate.not_after is not None and certificate.nodes_serving:
            ends.append((certificate.not_after.astimezone(zone).date(), certificate.owner_team_id is not None))
    return rows, ends


def owners_shown(user: User, query: str, now: datetime) -> set[int | None]:
    """The teams that own what such a report lists; None stands for what nobody owns."""
    owners = filters.certificates(query, user, now).queryset.order_by().values_list("owner_team", flat=True)
    return set(owners.distinct())


def _row(certificate: Certificate, unknown: Collection[int], now: datetime, zone: tzinfo) -> dict[str, Any]:
    return {
        "name": certificate.name,
        "name_unicode": other_form(certificate.name),
        "names": certificate.names_count,
        "sha256": certificate.sha256,
        "status": certificate.status_at(now).value,
        "not_before": moment_text(certificate.not_before, zone),
        "not_after": moment_text(certificate.not_after, zone),
        "days": days_left(certificate.not_after, now),
        "issuer": certificate.issuer.label if certificate.issuer else "",
        "key": certificate.key_label,
        "signature": certificate.signature_algorithm,
        "owner": certificate.owner_team.name if certificate.owner_team else "",
        "in_use": certificate.nodes_serving > 0,
        "nodes": [certificate.nodes_serving, certificate.nodes_total],
        "risks": sorted(risk.code for risk in certificate.risks.all()),
        "severity": certificate.worst_severity,
        # Whether nobody judged it in time, and whether nobody can say how strong its key and signature are.
        "late": is_late(certificate, now),
        "unweighed": is_late(certificate, now) or certificate.pk in unknown,
    }


def _scope(rows: Sequence[dict[str, Any]], found: Filtered[Certificate]) -> dict[str, Any]:
    """The share of the estate, like compared with like: end-entity certificates with those, all with all."""
    kind = found.filterset.data["kind"]
    estate = Certificate.objects.all() if kind == filters.ANY else Certificate.objects.filter(kind=kind)
    # What was retired is part of no whole, unless it was asked for.
    estate = estate.filter(retired_at=None) if found.filterset.data.get("retired", "no") == "no" else estate
    return {
        "certificates": len(rows),
        "in_use": sum(row["in_use"] for row in rows),
        "kind": kind,
        "estate": estate.count(),
        "estate_in_use": estate.in_use().count(),
    }


def _totals(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    used = [row for row in rows if row["in_use"]]
    return {
        "expired_in_use": sum(row["status"] == Status.EXPIRED for row in used),
        "expiring_in_use": sum(row["status"] == Status.EXPIRING for row in used),
        "unowned": sum(not row["owner"] for row in used),
        "weak": sum(bool(set(WEAK) & set(row["risks"])) for row in used),
        "with_findings": sum(row["severity"] > 0 for row in used),
        "late": sum(row["late"] for row in used),
        "undated": sum(not row["not_after"] for row in used),
        "unweighed": sum(row["unweighed"] for row in used),
    }


def _weeks(ends: Sequence[End], now: datetime, zone: tzinfo) -> list[dict[str, Any]]:
    """What ends in each of the next weeks, by the calendar of a zone."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    starts = [datetime.combine(monday + timedelta(weeks=n), time(), zone) for n in range(WEEKS)]
    weeks: list[dict[str, Any]] = [{"start": start.isoformat(), "owned": 0, "nobody": 0} for start in starts]
    for day, is_owned in ends:
        number = (day - monday).days // 7
        if 0 <= number < WEEKS:
            weeks[number]["owned" if is_owned else "nobody"] += 1
    return weeks


def _teams(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda row: _in_reading_order(row["owner"]))
    return [
        {"team": team, "certificates": len(own := list(group)), **_totals(own)}
        for team, group in groupby(ordered, key=lambda row: row["owner"])
    ]


def _in_reading_order(name: str) -> tuple[list[str | int], str]:
    """Numbers in a name count as numbers: Team 2 before Team 10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], name


def _sections(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    used = [row for row in rows if row["in_use"]]
    chosen = {
        "expired": [row for row in used if row["status"] == Status.EXPIRED],
        "expiring": [row for row in used if row["status"] == Status.EXPIRING],
        "unowned": [row for row in used if not row["owner"]],
        "weak": [row for row in used if set(WEAK) & set(row["risks"])],
    }
    return {
        name: {"count": len(found), "rows": sorted(found, key=_by_expiry)[:ROWS_PER_SECTION]}
        for name, found in chosen.items()
    }


def _by_expiry(row: dict[str, Any]) -> tuple[datetime, str]:
    """What nobody can read comes first."""
    ends = datetime.fromisoformat(row["not_after"]) if row["not_after"] else datetime.min.replace(tzinfo=UTC)
    return ends, row["sha256"]
