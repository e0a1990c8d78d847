"""Kept totals: adjusted in the transaction that changes the rows, read by scope, recounted by night.

Each row has shares: the (team, dimension, value) cells that it is counted in. A change of the row is the difference
between its shares before and after, so that one function says what is counted where, for keeping and for recounting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TypeAlias

from django.db import connection, transaction
from django.db.models import Count, Sum

from accounts.models import User
from inventory.models import Certificate, Endpoint, Origin, Total
from inventory.models.totals import DOMAIN, DOMAIN_IN_USE, ISSUER, ISSUER_IN_USE, counted_for
from inventory.services.writing import add

Share: TypeAlias = tuple[int | None, str, str]
Deltas: TypeAlias = Mapping[Share, int]

CERTIFICATES = "certificates"  # by kind
IN_USE = "in_use"  # leaves in use
KEY = "key"  # leaves by key_label
KEY_IN_USE = "key_in_use"
UNOWNED = "unowned"  # leaves of no team: "all" and "in_use"
OWNED = "owned"  # leaves by how we know their owner; "nobody" if a person said that nobody owns it, "none" if none did
EXPIRY_DAY = "expiry_day"  # leaves in use by the day (UTC) of their end
WARNING_DAY = "warning_day"  # leaves in use by the day (UTC) from which they are "expiring"
ENDPOINTS = "endpoints"  # "total", and by outcome
OURS = (
    CERTIFICATES,
    IN_USE,
    ISSUER,
    ISSUER_IN_USE,
    KEY,
    KEY_IN_USE,
    DOMAIN,
    DOMAIN_IN_USE,
    UNOWNED,
    OWNED,
    EXPIRY_DAY,
    WARNING_DAY,
    ENDPOINTS,
)


@dataclass(slots=True)
class Counted:
    """The columns of a certificate that shares depend on; what changes one of them must keep the totals."""

    pk: int
    owner_team_id: int | None
    kind: str
    issuer_id: int | None
    key_label: str
    not_after: datetime | None
    expiring_from: datetime | None
    nodes_serving: int
    owner_origin: str
    retired_at: datetime | None
    domain_ids: list[int] | None


CERTIFICATE_COLUMNS = tuple(column.name for column in fields(Counted))


def certificate_shares(row: Certificate | Counted) -> list[Share]:
    """Retired certificates are counted nowhere."""
    if row.retired_at is not None:
        return []
    team = row.owner_team_id
    shares: list[Share] = [(team, CERTIFICATES, row.kind)]
    if row.kind == Certificate.Kind.LEAF:
        issuer = str(row.issuer_id or "")
        shares += [(team, ISSUER, issuer), (team, KEY, row.key_label), (team, OWNED, _owned(row))]
        shares += [(team, UNOWNED, "all")] if team is None else []
        shares += [(team, DOMAIN, str(pk)) for pk in row.domain_ids or ()]
        shares += _shares_in_use(row, issuer) if row.nodes_serving else []
    return shares


def _owned(row: Certificate | Counted) -> str:
    if row.owner_team_id is None:
        return "nobody" if row.owner_origin == Origin.MANUAL else "none"
    return row.owner_origin or "none"


def _shares_in_use(row: Certificate | Counted, issuer: str) -> list[Share]:
    team = row.owner_team_id
    shares: list[Share] = [(team, IN_USE, ""), (team, ISSUER_IN_USE, issuer), (team, KEY_IN_USE, row.key_label)]
    shares += [(team, UNOWNED, "in_use")] if team is None else []
    shares += [(team, DOMAIN_IN_USE, str(pk)) for pk in row.domain_ids or ()]
    return [*shares, (team, EXPIRY_DAY, _day(row.not_after)), (team, WARNING_DAY, _day(row.expiring_from))]


def _day(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d").zfill(10) if moment else ""


def endpoint_shares(row: Endpoint) -> list[Share]:
    """Retired endpoints are counted nowhere; silent ones stay in the total."""
    if row.retired_at is not None:
        return []
    team = row.owner_team_id
    return [(team, ENDPOINTS, "total"), (team, ENDPOINTS, row.outcome or "never")]


@contextmanager
def kept(into: Counter[Share] | None = None) -> Iterator[Counter[Share]]:
    """Collect the differences of one transaction, and write them when it is about to end.

    A service that is called by another one hands its differences up (``into``), so that totals are locked once, last.
    """
    if into is not None:
        yield into
        return
    with transaction.atomic():
        deltas: Counter[Share] = Counter()
        yield deltas
        adjust(deltas)


def adjust(deltas: Deltas) -> None:
    """Add to the kept counts, in the caller's transaction: call it last, because it locks rows that all writers share.

    Rows are locked in the order of their keys, so that two writers wait for each other instead of dying together. One
    statement for what nobody owns and one for teams: each has an index of its own that tells whether a count is there.
    """
    wanted = [(*key, delta) for key, delta in sorted(deltas.items(), key=_order) if delta]
    columns = ("owner_team_id", "dimension", "value", "count")
    nobodys, teams = "(dimension, value) WHERE owner_team_id IS NULL", "(owner_team_id, dimension, value)"
    add(Total, columns, [row for row in wanted if row[0] is None], key=nobodys)
    add(Total, columns, [row for row in wanted if row[0] is not None], key=teams)


def _order(item: tuple[Share, int]) -> tuple[str, str, int]:
    (team, dimension, value), _ = item
    return dimension, value, team or 0


def numbers(user: User | None, *dimensions: str, mine: bool = False) -> dict[str, dict[str, int]]:
    """Kept counts as {dimension: {value: count}} in one query: of what the person may see, or of the estate for None.

    ``mine`` narrows to what the person's own teams own.
    """
    rows = Total.objects.filter(dimension__in=dimensions)
    if user is not None:
        rows = rows.filter(counted_for(user, mine=mine))
    result: dict[str, dict[str, int]] = {dimension: {} for dimension in dimensions}
    for dimension, value, count in rows.values_list("dimension", "value").annotate(Sum("count")):
        if count:
            result[dimension][value] = count
    return result


@dataclass(frozen=True, slots=True)
class Most:
    """The values of one dimension that count most, and how many values and rows there are beside them."""

    counts: Mapping[str, int]
    others: int = 0
    others_count: int = 0


def most(user: User, dimension: str, limit: int, *, mine: bool = False) -> Most:
    """What the person may see of a dimension whose values grow with the estate, such as issuers: never all of it."""
    rows = Total.objects.filter(counted_for(user, mine=mine), dimension=dimension).order_by()
    found = rows.values("value").annotate(number=Sum("count")).filter(number__gt=0)
    counts = dict(found.order_by("-number", "value").values_list("value", "number")[:limit])
    if len(counts) < limit:
        return Most(counts)
    whole = found.aggregate(values=Count("value"), rows=Sum("number"))
    return Most(counts, whole["values"] - len(counts), whole["rows"] - sum(counts.values()))


@dataclass(frozen=True, slots=True)
class Drift:
    """A kept count that was wrong, and is right now."""

    team: int | None
    dimension: str
    value: str
    kept: int
    counted: int

    def __str__(self) -> str:
        of = f" of team {self.team}" if self.team else ""
        return f"{self.dimension} {self.value}{of}: kept {self.kept}, counted {self.counted}"


def recount() -> list[Drift]:
    """Count everything anew, put right what was wrong, and return it.

    Counts and rows are read from one snapshot without holding back any writer. A drift found there is still the drift
    later, whatever was added meanwhile, so adding it puts the count right.
    """
    with one_moment():
        rows = Total.objects.filter(dimension__in=OURS)
        kept = {(row.owner_team_id, row.dimension, row.value): row.count for row in rows}
        counted = _counted()
    drifts = [
        Drift(*key, kept=kept.get(key, 0), counted=counted[key])
        for key in sorted(kept.keys() | counted.keys(), key=lambda key: _order((key, 0)))
        if kept.get(key, 0) != counted[key]
    ]
    with transaction.atomic():
        adjust({(d.team, d.dimension, d.value): d.counted - d.kept for d in drifts})
    return drifts


@contextmanager
def one_moment() -> Iterator[None]:
    """Read inside from one moment, without holding back any writer. Inside a transaction it is the caller's matter."""
    if is_in_a_moment():
        yield
        return
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else "BEGIN DEFERRED"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def is_in_a_moment() -> bool:
    """Whether a transaction is open here: Django's, or ours around the caller, of which Django does not know."""
    if connection.in_atomic_block:
        return True
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        return bool(connection.connection.info.transaction_status)  # 0 is idle
    return bool(connection.connection.in_transaction)


def _counted() -> Counter[Share]:
    counted: Counter[Share] = Counter()
    certificates = Certificate.objects.values_list(*CERTIFICATE_COLUMNS)
    for columns in certificates.iterator(chunk_size=2000):
        counted.update(certificate_shares(Counted(*columns)))
    endpoints = Endpoint.objects.only("pk", "owner_team_id", "outcome", "retired_at")
    for endpoint in endpoints.iterator(chunk_size=2000):
        counted.update(endpoint_shares(endpoint))
    return counted
