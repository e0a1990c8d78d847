"""Observations: spans begun, confirmed and ended in the transaction that records what endpoints serve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db.models import F

from discovery.models import Observation, Scan
from discovery.services.spans import Answer, continues, gap
from inventory.models import Endpoint, ServedChain
from inventory.services import Look
from inventory.services.writing import among, insert, write

DEFAULT = ServedChain.Variant.DEFAULT
_BEGINNING = (
    "endpoint_id",
    "variant",
    "outcome",
    "reason",
    "detail",
    "chain_id",
    "tls_version",
    "cipher",
    "first_seen_at",
    "last_seen_at",
    "confirmations",
    "largest_gap_seconds",
    "scan_id",
)
# What one look at an endpoint brought, and its detail.
Seen: TypeAlias = tuple[Endpoint, Look, str]


def keep_observations(batch: Iterable[Seen], scan: Scan | None, now: datetime) -> None:
    """Continue the spans of endpoints that answered as before; end the others, and begin what is."""
    rows = list(batch)
    before = _open_spans([endpoint.pk for endpoint, _, _ in rows])
    spans = _Spans(scan, now)
    for endpoint, look, detail in rows:
        mine = before[endpoint.pk]
        # What brought no chain says nothing of one kind of key, so it stands under the default.
        variants = look.chains.keys() or {DEFAULT.value}
        for variant in variants:
            spans.keep(endpoint, look, detail, variant, mine.get(variant))
        spans.ended += [span for variant, span in mine.items() if variant not in variants]
    spans.write()


def _open_spans(endpoints: Collection[int]) -> dict[int, dict[str, Observation]]:
    spans: dict[int, dict[str, Observation]] = defaultdict(dict)
    columns = ("endpoint_id", "variant", "outcome", "reason", "chain_id", "last_seen_at", "largest_gap_seconds")
    for span in Observation.objects.filter(among("endpoint_id", endpoints), ended_at=None).only(*columns):
        spans[span.endpoint_id][span.variant] = span
    return spans


class _Spans:
    """One batch of spans on their way to the database."""

    def __init__(self, scan: Scan | None, now: datetime) -> None:
        self.scan = scan
        self.now = now
        self.same: list[Observation] = []
        self.wider: list[Observation] = []
        self.ended: list[Observation] = []
        self.begun: list[tuple[Any, ...]] = []

    def keep(self, endpoint: Endpoint, look: Look, detail: str, variant: str, before: Observation | None) -> None:
        chain = look.chains[variant][0] if variant in look.chains else None
        answer = Answer(look.outcome, look.reason, chain)
        schedule = timedelta(seconds=endpoint.schedule_seconds)
        said = Answer(before.outcome, before.reason, before.chain_id) if before else answer
        if before and continues(said, before.last_seen_at, answer, self.now, schedule):
            self._extend(before)
            return
        if before:
            self.ended.append(before)
        self.begun.append(self._beginning(endpoint, look, detail, variant, chain))

    def _extend(self, span: Observation) -> None:
        self.same.append(span)
        seconds = int(gap(span.last_seen_at, self.now).total_seconds())
        if seconds > span.largest_gap_seconds:
            span.largest_gap_seconds = seconds
            self.wider.append(span)

    def _beginning(
        self, endpoint: Endpoint, look: Look, detail: str, variant: str, chain: int | None
    ) -> tuple[Any, ...]:
        """The columns of ``_BEGINNING``."""
        span = (endpoint.pk, str(variant), str(look.outcome), str(look.reason), detail, chain)
        scan = self.scan.pk if self.scan else None
        return (*span, look.tls_version[:10], look.cipher[:80], self.now, self.now, 1, 0, scan)

    def write(self) -> None:
        if self.same:
            same = Observation.objects.filter(among("pk", [span.pk for span in self.same]))
            same.update(last_seen_at=self.now, confirmations=F("confirmations") + 1)
        write(self.wider, ["largest_gap_seconds"])
        if self.ended:
            ended = Observation.objects.filter(among("pk", [span.pk for span in self.ended]))
            ended.update(ended_at=self.now)
        insert(Observation, _BEGINNING, self.begun)
