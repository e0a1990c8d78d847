"""The two tables whose rows belong to somebody: how a row is called, counted and locked when its owner changes."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from inventory.models import Certificate, Endpoint
from inventory.services.races import hold
from inventory.services.totals import Share, certificate_shares, endpoint_shares
from inventory.services.writing import among

# All that says whose a row is and why, in the order of ``owner_values``.
OWNER_COLUMNS = ("owner_team_id", "owner_person_id", "owner_origin", "owner_reason", "owner_rule_id")
# More rows than this are one event with their count and digest, not a list.
LISTED_AT_MOST = 20
# Certificates that are told of each other because of a common key; that of policy.rules, as a test says.
MOST_SHARERS = 100


@dataclass(frozen=True, slots=True)
class Owned:
    """One of the two tables. ``called`` names a row in the audit log."""

    model: type[Certificate] | type[Endpoint]
    noun: str
    called: Callable[[Any], dict[str, str]]
    shares: Callable[[Any], list[Share]]

    def name(self, row: Any) -> str:
        """What a digest over many rows is made of."""
        return " ".join(self.called(row).values())


def _place(row: Endpoint) -> dict[str, str]:
    return {"zone": row.zone, "place": row.place, "server_name": row.server_name, "protocol": row.protocol}


CERTIFICATES = Owned(Certificate, "certificate", lambda row: {"sha256": row.sha256}, certificate_shares)
ENDPOINTS = Owned(Endpoint, "endpoint", _place, endpoint_shares)


def owner_values(row: Certificate | Endpoint) -> list[Any]:
    """Whose it is and why, as plain values that can be kept, compared and put back (``put_owner``)."""
    return [getattr(row, name) for name in OWNER_COLUMNS]


def put_owner(row: Certificate | Endpoint, values: Sequence[Any]) -> None:
    for name, value in zip(OWNER_COLUMNS, values, strict=True):
        setattr(row, name, value)


def lock(owned: Owned, rows: QuerySet[Any]) -> set[int]:
    """Lock the rows and what is judged anew with them, in the order of their keys: nobody waits in a circle.

    Returns the primary keys of the rows, which may have changed before they were locked.
    """
    pks, called = set(rows.values_list("pk", flat=True)), set[int]()
    if owned.model is Certificate:
        keys = set(rows.exclude(spki_sha256="").values_list("spki_sha256", flat=True))
        called = _sharers(keys)
    hold(owned.model.objects.filter(among("pk", pks | called)))
    return pks


def call_for_key_sharers(rows: Iterable[Certificate], now: datetime) -> None:
    """What is said of a shared key names the others, or calls them another team's: it depends on who owns those."""
    due = {row.pk: row.spki_sha256 for row in rows if row.spki_sha256}
    own = Counter(due.values())
    carriers = Certificate.objects.filter(among("spki_sha256", own)).order_by()
    carried = carriers.values_list("spki_sha256").annotate(Count("pk")) if own else ()
    # These rows are due themselves, and nearly always no other one carries their key.
    called = _sharers({key for key, number in carried if number > own[key]}) - due.keys()
    if called:
        others = Certificate.objects.filter(among("pk", called))
        hold(others)
        others.update(judge_at=now)


def _sharers(keys: Collection[str]) -> set[int]:
    """Primary keys of those in use, or never served, that carry one of these keys.

    Of a key that more certificates carry, all are told the same whoever owns them: nobody is called for that. The
    condition is the key alone: with more of them, a database without statistics walks through all certificates.
    """
    if not keys:
        return set()
    carriers = Certificate.objects.filter(among("spki_sha256", keys)).order_by()
    by_key: dict[str, list[int]] = defaultdict(list)
    for key, pk, kind, serving, ever in carriers.values_list(
        "spki_sha256", "pk", "kind", "nodes_serving", "served_ever"
    ):
        if kind == Certificate.Kind.LEAF and (serving or not ever):
            by_key[key].append(pk)
    return {pk for pks in by_key.values() if len(pks) <= MOST_SHARERS for pk in pks}


def in_bulk(
    owned: Owned, rows: Sequence[Any], before: Sequence[dict[str, str]], after: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Subject, before and after of one audit event about many rows."""
    digest = hashlib.sha256("\n".join(sorted(owned.name(row) for row in rows)).encode()).hexdigest()
    listed = [{**owned.called(row), **was} for row, was in zip(rows, before, strict=True)][:LISTED_AT_MOST]
    return f"{len(rows)} {owned.noun}s", {"first": listed}, {**after, "count": len(rows), "digest": digest}
