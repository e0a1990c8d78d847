"""Applying the rules: to what was just found, and to what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Team
from accounts.services import audit
from inventory.models import Certificate, Endpoint, Origin
from inventory.ownership import Facts, Fallbacks, RuleBook
from inventory.ownership.rules import ADDRESSES, CUSTOM, SOURCES
from inventory.services.owned import CERTIFICATES, ENDPOINTS, LISTED_AT_MOST, Owned, call_for_key_sharers, in_bulk, lock
from inventory.services.rules.gathering import gather
from inventory.services.rules.reading import current_book, current_fallbacks
from inventory.services.rules.standing import WRITTEN, Stand, fallback_of, words_of
from inventory.services.sightings import SeenBy
from inventory.services.totals import CERTIFICATE_COLUMNS, Share, kept
from inventory.services.writing import among, write

_STANDS = ("owner_person", "owner_origin", "owner_reason", "owner_rule", "environment", "criticality", "application")
_READ: Mapping[str, Sequence[str]] = {
    CERTIFICATES.noun: (*_STANDS, "ruled", *CERTIFICATE_COLUMNS, "sha256", "spki_sha256"),
    ENDPOINTS.noun: (
        *_STANDS, "ruled", "owner_team", "zone", "address", "port", "server_name", "protocol", "outcome", "retired_at",
        "certificate",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One row, as it stood and as it stands."""

    row: Any
    before: Stand
    after: Stand


@dataclass(frozen=True, slots=True)
class Applied:
    """What the rules, or whose source or network it is, changed."""

    endpoints: Sequence[Change] = ()
    certificates: Sequence[Change] = ()


@dataclass(frozen=True)
class Asked:
    """Rules and fallbacks of one moment, for many rows."""

    rules: RuleBook
    fallbacks: Fallbacks

    @classmethod
    def now(cls, team: Team | None = None, by: SeenBy | None = None) -> Asked:
        return cls(current_book(), current_fallbacks(team, by))

    @property
    def speaks(self) -> bool:
        return bool(self.rules or self.fallbacks)

    @cached_property
    def facts(self) -> frozenset[str]:
        """The kinds of facts that an answer needs."""
        places = {ADDRESSES} if self.fallbacks.segments else set()
        sources = {SOURCES} if self.fallbacks.sources else set()
        return self.rules.asks | places | sources

    def columns(self, owned: Owned) -> Sequence[str]:
        return (*_READ[owned.noun], "custom_fields") if CUSTOM in self.facts else _READ[owned.noun]

    def about(self, owned: Owned, rows: Sequence[Any]) -> list[Change]:
        """How each of these would stand; also of those that stand so already."""
        facts = gather(owned, rows, self.facts)
        return [Change(row, stand, self.after(stand, facts[row.pk])) for row in rows for stand in [Stand.of(row)]]

    def after(self, stand: Stand, facts: Facts) -> Stand:
        said = self.rules.decide(facts)
        return stand.after(said, self.fallbacks.say(facts) if fallback_of(self.fallbacks, stand, said) else None)


def apply_asked(
    asked: Asked, certificates: Collection[int], endpoints: Collection[int], now: datetime, deltas: Counter[Share]
) -> Applied:
    """Say whose finds are that nobody owns and nobody spoke of: of these, known by their primary keys.

    First the rules; else whose source finds it now; else the team of a source or of a network. Runs in the caller's
    transaction, in a number of queries that does not depend on how many they are; the caller calls ``tell_applied``
    after the totals are written.
    """
    fresh = {"owner_team": None, "owner_person": None, "owner_origin": "", "owner_reason": ""}
    leaves = Certificate.objects.leaves().filter(among("pk", certificates))
    return Applied(
        _apply(ENDPOINTS, Endpoint.objects.filter(among("pk", endpoints), **fresh), asked, now, deltas)
        if endpoints
        else (),
        _apply(CERTIFICATES, leaves.filter(**fresh), asked, now, deltas) if certificates else (),
    )


def apply_batch(model: type[Certificate] | type[Endpoint], pks: Collection[int], now: datetime) -> Sequence[Change]:
    """Apply the rules as they are now to rows that are known; return what changed.

    What a person chose stays. What a rule gave, and none gives any more, falls back. It tells no audit: that is the
    caller's matter, whose transaction this is a part of.
    """
    owned = CERTIFICATES if model is Certificate else ENDPOINTS
    rows: Any = model.objects.filter(among("pk", pks))
    with kept() as deltas:
        return _apply(owned, rows.leaves() if model is Certificate else rows, Asked.now(), now, deltas)


def _apply(owned: Owned, rows: QuerySet[Any], asked: Asked, now: datetime, deltas: Counter[Share]) -> Sequence[Change]:
    """Decide first and lock then: nearly always there is nothing to change."""
    chosen = rows.only(*asked.columns(owned)).order_by("pk")
    wanted = [change for change in asked.about(owned, list(chosen)) if change.before != change.after]
    if not wanted:
        return ()
    changes = _still(owned, chosen, wanted)
    put_changes(owned, changes, now, deltas)
    return changes


def put_changes(owned: Owned, changes: Sequence[Change], now: datetime, deltas: Counter[Share]) -> None:
    """Write rows that are locked as they are to stand, have them judged again, and count them anew."""
    deltas.subtract(share for change in changes for share in owned.shares(change.row))
    for change in changes:
        change.after.put(change.row)
        change.row.judge_at = now
    write([change.row for change in changes], WRITTEN)
    deltas.update(share for change in changes for share in owned.shares(change.row))
    if owned is CERTIFICATES:
        call_sharers(changes, now)


def call_sharers(changes: Sequence[Change], now: datetime) -> None:
    """What is said of others with the same key depends on whose these are."""
    call_for_key_sharers([change.row for change in changes if change.before.owner != change.after.owner], now)


def _still(owned: Owned, rows: QuerySet[Any], changes: Sequence[Change]) -> Sequence[Change]:
    """Lock them, and leave out what somebody else changed meanwhile. Where writers take turns nobody could."""
    if not connection.features.has_select_for_update:
        return changes
    locked = lock(owned, rows.filter(among("pk", [change.row.pk for change in changes])))
    fresh = {row.pk: row for row in rows.filter(among("pk", locked))}
    pairs = ((fresh.get(change.row.pk), change) for change in changes)
    return [Change(row, c.before, c.after) for row, c in pairs if row is not None and Stand.of(row) == c.before]


def tell_applied(applied: Applied | None, now: datetime) -> None:
    """One event for the endpoints and one for the certificates of a batch."""
    if applied is None:
        return
    teams = dict(Team.objects.values_list("pk", "name")) if applied.endpoints or applied.certificates else {}
    for owned, changes in ((ENDPOINTS, applied.endpoints), (CERTIFICATES, applied.certificates)):
        if changes:
            _tell(owned, changes, teams, now)


def _tell(owned: Owned, changes: Sequence[Change], teams: Mapping[int, str], now: datetime) -> None:
    became = [words_of(change.after, teams) for change in changes]
    verb, after, before = "owner_inferred", dict[str, Any](became[0]), [words_of(c.before, teams) for c in changes]
    if any(words != became[0] for words in became) or changes[0].after.origin != Origin.INFERRED:
        verb, after = "ruled", {"by": Counter(words["reason"] for words in became).most_common(LISTED_AT_MOST)}
        before = [was | {"then": words["reason"]} for was, words in zip(before, became, strict=True)]
    audit(None, f"{owned.noun}s.{verb}", *in_bulk(owned, [change.row for change in changes], before, after), now=now)
