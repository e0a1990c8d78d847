"""Whose something is, decided before it is inserted: what is new is written once, and not again when rules spoke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import Team
from inventory.models import Certificate, Endpoint
from inventory.ownership import Facts
from inventory.ownership.rules import ADDRESSES
from inventory.services.facts import Facts as Read
from inventory.services.owned import CERTIFICATES, ENDPOINTS, Owned
from inventory.services.rules.applying import Applied, Asked, Change, apply_asked, call_sharers
from inventory.services.rules.gathering import NAMES_AT_MOST, NODES_AT_MOST, gather_new
from inventory.services.rules.standing import Stand
from inventory.services.sightings import SeenBy
from inventory.services.totals import Share

# Where the certificates of a batch are served: zone and packed address, by SHA-256.
Places = Mapping[str, Collection[tuple[str, bytes]]]


@dataclass(slots=True)
class Finds:
    """Rules and fallbacks of now, for what one batch of a recording or an import finds.

    ``begin_certificates`` and ``begin_endpoints`` are given rows before they are inserted, ``apply`` all that was
    found. Both give the same answers: a new row is known by what stands in it, and by who sees it now (``by``) and
    where. ``heads`` (SHA-256) are those that rules speak of; None if all are.
    """

    asked: Asked
    by: SeenBy | None = None
    heads: Places | None = None
    _certificates: list[Change] = field(default_factory=list)
    _endpoints: list[Change] = field(default_factory=list)

    @classmethod
    def now(cls, team: Team | None, by: SeenBy | None, heads: Places | None = None) -> Finds:
        return cls(Asked.now(team, by), by, heads)

    def begin_certificates(self, rows: Sequence[Certificate], read: Sequence[Read]) -> None:
        """Say whose these unsaved rows are. Asked anew (its writer lost a race), the last answer counts."""
        self._certificates = [
            _begun(self.asked, row, self._facts(one)) for row, one in zip(rows, read, strict=True) if self._is_ours(row)
        ]

    def _is_ours(self, row: Certificate) -> bool:
        """What is served by more nodes than are looked at is decided when they are known."""
        if not self.asked.speaks or row.kind != Certificate.Kind.LEAF:
            return False
        return self.heads is None or len(self.heads.get(row.sha256, _MANY)) <= NODES_AT_MOST

    def _facts(self, read: Read) -> Facts:
        return Facts(
            names=[value for _kind, value in read.stored_names[:NAMES_AT_MOST]],
            addresses=(self.heads or {}).get(read.sha256, ()) if ADDRESSES in self.asked.facts else (),
            issuers=(read.issuer.label, read.issuer.name) if read.issuer else (),
            sources=(self.by.name,) if self.by else (),
        )

    def begin_endpoints(self, rows: Sequence[Endpoint], seen: Sequence[bool]) -> None:
        """As ``begin_certificates``; ``seen``: whether the place answered, so that ``by`` is a source that saw it."""
        if self.asked.speaks:
            facts = gather_new(rows, [self.by.name if self.by and one else "" for one in seen], self.asked.facts)
            self._endpoints = [_begun(self.asked, row, one) for row, one in zip(rows, facts, strict=True)]

    def apply(
        self, certificates: Collection[int], endpoints: Collection[int], now: datetime, deltas: Counter[Share]
    ) -> Applied | None:
        """Say of all that was found whose it is: primary keys, those of what was new among them (``apply_asked``)."""
        if not self.asked.speaks:
            return None
        begun = {owned.noun: _made(changes) for owned, changes in self._both}
        late = apply_asked(
            self.asked,
            set(certificates) - begun[CERTIFICATES.noun].keys(),
            set(endpoints) - begun[ENDPOINTS.noun].keys(),
            now,
            deltas,
        )
        given = {noun: [c for c in changes.values() if c.before != c.after] for noun, changes in begun.items()}
        call_sharers(given[CERTIFICATES.noun], now)
        return Applied(
            [*given[ENDPOINTS.noun], *late.endpoints],
            [*given[CERTIFICATES.noun], *late.certificates],
        )

    @property
    def _both(self) -> tuple[tuple[Owned, list[Change]], ...]:
        return (CERTIFICATES, self._certificates), (ENDPOINTS, self._endpoints)


# More than any number of nodes.
_MANY = range(NODES_AT_MOST + 1)


def _begun(asked: Asked, row: Any, facts: Facts) -> Change:
    before = Stand.of(row)
    change = Change(row, before, asked.after(before, facts))
    if change.after != before:
        change.after.put(row)
    return change


def _made(changes: Sequence[Change]) -> dict[int, Change]:
    """By primary key; what another worker inserted first has none here."""
    return {change.row.pk: change for change in changes if change.row.pk}
